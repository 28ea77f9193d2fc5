import Bedrock
import Synchronization
import Testing

/// Nothing acknowledged is lost, nothing is doubled, nothing half-written is served, whatever happens to the machine.
@Suite struct EngineSimulationTests {
    private static let parts = 4
    /// What all parts of a test went through together, by the signal's name.
    private static let tally = Mutex<[String: (coverage: Coverage, parts: Int)]>([:])

    @Test(arguments: 0..<parts) func rowsSurvive(_ part: Int) { run(RowSignal(), part) }

    @Test(arguments: 0..<parts) func samplesSurvive(_ part: Int) { run(MetricSignal(), part) }

    @Test(arguments: 0..<parts) func linesSurvive(_ part: Int) { run(LogSignal(), part, every: 4) }

    @Test(arguments: 0..<parts) func spansSurvive(_ part: Int) { run(TraceSignal(), part, every: 4) }

    /// - Parameter step: of the seeds only every so many.
    private func run(_ signal: some SimulatedSignal, _ part: Int, every step: Int = 1) {
        let seeds = Seeds.part(part, of: Self.parts * step)
        var coverage = Coverage()
        for seed in seeds {
            let simulation = EngineSimulation(signal, seed: seed)
            simulation.run()
            coverage.add(simulation.coverage)
            if !simulation.problems.isEmpty {
                Issue.record("\(simulation.story)")
                return
            }
        }
        let name = "\(type(of: signal))"
        let total = Self.tally.withLock { tally -> (coverage: Coverage, parts: Int) in
            var sum = tally[name] ?? (Coverage(), 0)
            sum.coverage.add(coverage)
            sum.parts += 1
            tally[name] = sum
            return sum
        }
        // A simulation that does nothing proves nothing.
        if seeds.count >= 50 && total.parts == Self.parts { #expect(total.coverage.missing == []) }
    }
}
