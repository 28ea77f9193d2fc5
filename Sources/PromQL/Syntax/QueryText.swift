import Kernels
import Model

public typealias SourceRange = Model.SourceRange
public typealias ParseError = Model.ParseError
public typealias QueryPool = Kernels.QueryPool
