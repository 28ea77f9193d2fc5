/// Bounds of the log store, each with its reason.
public enum LogStoreLimits {
    /// Bytes of one line; a longer one is refused at admission, so that a block's arena stays bounded.
    public static let lineBytesMax = 2 << 20
}
