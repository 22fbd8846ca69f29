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

    private func loginProblem(_ fields: String) throws -> String? {
        let text = #"{"openstack":{"authURL":"http://k",\#(fields)}}"#
        let settings = try JSONDecoder().decode(EnvironmentSettings.self, from: Data(text.utf8))
        return ReleaseEnvironment(
            id: "e", name: "lab", settings: settings, createdMilliseconds: 0
        ).problem
    }

    @Test(
        "Each kind of login is taken with what it needs",
        arguments: [
            #""username":"u","project":"p""#, #""username":"u","projectID":"1""#,
            #""username":"u","userDomain":"","userDomainID":"d","project":"p""#,
            #""authentication":"applicationCredential","applicationCredential":"1""#,
            #""authentication":"token""#, #""authentication":"token","projectID":"1""#,
        ])
    func completeLogins(fields: String) throws {
        #expect(try loginProblem(fields) == nil)
    }

    @Test(
        "A login that lacks a field, or has one of another kind, is refused by name",
        arguments: [
            (#""project":"p""#, "username is empty"), (#""username":"u""#, "project is empty"),
            (#""username":"u","project":"p","projectID":"1""#, "project and projectID are given"),
            (
                #""username":"u","project":"p","applicationCredential":"1""#,
                "applicationCredential is given, but authentication is password"
            ),
            (#""authentication":"applicationCredential""#, "applicationCredential is missing"),
            (
                #""authentication":"applicationCredential","applicationCredential":"1","#
                    + #""project":"p""#, "leave them out"
            ),
            (#""authentication":"token","username":"u""#, "cannot be used with a token"),
            (#""username":"u","project":"p","imageURL":"glance""#, "imageURL"),
        ])
    func incompleteLogins(fields: String, words: String) throws {
        #expect(try loginProblem(fields)?.contains(words) == true)
    }

    @Test("A stored secret is not sent with another kind of login, or to another Glance")
    func secretDestination() {
        let password = OpenStackSettings(authURL: "http://k", project: "p", username: "u")
        var token = password
        token.authentication = .token
        var moved = password
        moved.imageURL = "http://elsewhere"
        let destinations = [password, token, moved].map { SecretDestination(.openstack($0)) }
        #expect(Set(destinations).count == 3)
    }

    private func decodingProblem(_ text: String) throws -> String {
        let decoder = JSONDecoder()
        decoder.userInfo = BoundedDecoding.refusing
        let error = #expect(throws: DecodingError.self) {
            try decoder.decode(EnvironmentSettings.self, from: Data(text.utf8))
        }
        guard case .dataCorrupted(let context)? = error else { return "" }
        return context.debugDescription
    }

    @Test(
        "An unknown word is refused with those that exist",
        arguments: [
            (
                #"{"openstack":{"authURL":"h","visibility":"publik"}}"#,
                "'publik' is unknown; did you mean 'public'? Use one of: public, community"
            ),
            (
                #"{"openstack":{"authURL":"h","format":"vmdk"}}"#,
                "'vmdk' is unknown. Use one of: qcow2, raw"
            ),
            (#"{"registry":{"url":"h","format":"iso"}}"#, "Use one of: qcow2, raw"),
            (
                #"{"openstack":{"authURL":"h","interface":"x"}}"#,
                "Use one of: public, internal, admin"
            ),
        ])
    func unknownWords(text: String, words: String) throws {
        #expect(try decodingProblem(text).contains(words))
    }

    @Test(
        "A setting of another kind is refused when people send it, and ignored in a stored row",
        arguments: [
            (
                #"{"registry":{"url":"h","region":"R"}}"#,
                "kind registry has no setting 'region'"
            ),
            (
                #"{"openstack":{"authURL":"h","imageUrl":"x"}}"#,
                "no setting 'imageUrl'; did you mean 'imageURL'?"
            ),
            (#"{"docker":{"hosts":[],"repository":"r","keep":2}}"#, "no setting 'keep'"),
        ])
    func foreignSettings(text: String, words: String) throws {
        #expect(try decodingProblem(text).contains(words))
        _ = try JSONDecoder().decode(EnvironmentSettings.self, from: Data(text.utf8))
    }

    @Test("A name that no image can have there is not given to anybody")
    func impossibleNames() {
        let cloud = EnvironmentSettings.openstack(OpenStackSettings(authURL: "h"))
        #expect(cloud.problem(ofImageName: "Debian 12 (gold)") == nil)
        for name in ["", "a\nb", String(repeating: "x", count: 256)] {
            #expect(cloud.problem(ofImageName: name) != nil)
        }
        let registry = EnvironmentSettings.registry(
            RegistrySettings(url: "h", repository: "images/{guestos}"))
        #expect(registry.problem(ofImageName: "images/debian12") == nil)
        for name in ["debian12", "images/", "images/Debian", "images/debian 12", "x/images/d"] {
            #expect(registry.problem(ofImageName: name)?.contains("images/{guestos}") == true)
        }
        let shared = EnvironmentSettings.registry(RegistrySettings(url: "h", repository: "all"))
        #expect(shared.problem(ofImageName: "all") == nil)
        #expect(shared.problem(ofImageName: "other") != nil)
    }
}
