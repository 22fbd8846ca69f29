import BuildProtocol
import CoordinatorCore
import FoundationEssentials
import Testing

/// The fields of an environment, as an admin sends them.
@Suite struct EnvironmentRulesTests {
    private func problem(keep: String) throws -> String? {
        let text =
            #"{"openstack":{"authURL":"http://k","project":"p","username":"u","keep":\#(keep)}}"#
        let settings = try JSONDecoder().decode(EnvironmentSettings.self, from: Data(text.utf8))
        return ReleaseEnvironment(
            id: "e", name: "lab", settings: settings, createdMilliseconds: 0
        ).problem
    }

    @Test(
        "A number of kept images outside its range is refused, not clamped",
        arguments: ["-1", "101", "9223372036854775807"])
    func keptImages(keep: String) throws {
        #expect(try problem(keep: keep) == "keep is not a number from 0 to 100")
    }

    @Test("Zero to a hundred replaced images can be kept", arguments: ["0", "2", "100"])
    func allowedNumbers(keep: String) throws {
        #expect(try problem(keep: keep) == nil)
    }
}
