import Bedrock
import Testing

/// Nothing acknowledged is lost, nothing is doubled, nothing half-written is served, whatever happens to the machine.
@Suite struct EngineSimulationTests {
    private static let parts = 4

    @Test(arguments: 0..<parts) func rowsSurvive(_ part: Int) {
        var acknowledged = 0
        for seed in Seeds.part(part, of: Self.parts) {
            let simulation = EngineSimulation(RowSignal(), seed: seed)
            simulation.run()
            acknowledged += simulation.acknowledgedCount
            if !simulation.problems.isEmpty {
                Issue.record("\(simulation.story)")
                return
            }
        }
        #expect(acknowledged > 0 || Seeds.part(part, of: Self.parts).isEmpty)
    }
}
