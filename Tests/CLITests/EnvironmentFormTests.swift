import Support
import TestSupport
import Testing

@testable import aibuild

/// `env add --clouds-yaml`, and options that do not fit the kind of an environment.
@Suite("Environments from the command line") struct EnvironmentFormTests {
    private static let environment = #"""
        {"name":"lab","kind":"openstack","settings":{"openstack":{"authURL":"https://k"}}}
        """#

    /// What is sent.
    private func add(
        _ clouds: String, secure: String? = nil, _ words: String...
    ) async throws -> String {
        let folder = try TemporaryFolder()
        let path = folder.path + "/clouds.yaml"
        try Files.replace(path, with: Array(clouds.utf8))
        if let secure { try Files.replace(folder.path + "/secure.yaml", with: Array(secure.utf8)) }
        var result = ""
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/environments", Self.environment, status: 201)
        }) { coordinator in
            let ran = await runCLI(
                ["env", "add", "lab", "--kind", "openstack", "--clouds-yaml", path] + words,
                url: coordinator.url)
            #expect(ran.code == .ok, "\(ran.err)")
            result = coordinator.bodies.first ?? ""
        }
        return result
    }

    @Test("A password login is taken as Horizon writes it, and its password is the secret")
    func password() async throws {
        let sent = try await add(
            """
            clouds:
              openstack:
                auth:
                  auth_url: https://k:5000
                  username: "anna"
                  password: 123456
                  project_id: 5d1f
                  project_name: "images"
                  user_domain_name: "Default"
                regions:
                - RegionOne
                interface: "public"
                identity_api_version: 3
            """)
        #expect(sent.contains(#""secret":"123456""#), "\(sent)")
        for field in [
            #""authURL":"https://k:5000""#, #""username":"anna""#, #""projectID":"5d1f""#,
            #""region":"RegionOne""#, #""interface":"public""#, #""userDomain":"Default""#,
        ] {
            #expect(sent.contains(field), "\(sent)")
        }
        // An id is enough, and with both it would be unclear which counts.
        #expect(!sent.contains(#""project":"#))
    }

    @Test("An application credential is taken with or without its auth_type")
    func applicationCredential() async throws {
        for type in ["    auth_type: \"v3applicationcredential\"\n", ""] {
            let sent = try await add(
                """
                clouds:
                  lab:
                    auth:
                      auth_url: https://k/v3
                      application_credential_id: "abc"
                      application_credential_secret: "s3cret"
                    region_name: R
                \(type)
                """)
            #expect(
                sent.contains(
                    #""applicationCredential":"abc","authURL":"https://k/v3","#
                        + #""authentication":"applicationCredential""#), "\(sent)")
            #expect(sent.contains(#""secret":"s3cret""#))
        }
    }

    @Test("A token is taken, and secure.yaml counts more than clouds.yaml")
    func tokenAndSecureFile() async throws {
        let sent = try await add(
            "clouds:\n  lab:\n    auth_type: v3token\n    auth: {auth_url: https://k, token: a}\n",
            secure: "clouds:\n  lab:\n    auth: {token: b}\n")
        #expect(sent.contains(#""authentication":"token""#))
        #expect(sent.contains(#""secret":"b""#), "\(sent)")
    }

    @Test("A password is the first line of its file, however the file ends its lines")
    func passwordFile() async throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/password"
        let cloud =
            "clouds: {lab: {auth: {auth_url: h, username: u, password: p, project_name: a}}}"
        for end in ["", "\n", "\r\n", "\r\nmore\r\n"] {
            try Files.replace(file, with: Array("s3\u{0600} cret\(end)".utf8))
            let sent = try await add(cloud, "--password-file", file)
            #expect(sent.contains("\"secret\":\"s3\u{0600} cret\""), "\(sent)")
        }
    }

    @Test("Options count more than the file")
    func options() async throws {
        let sent = try await add(
            """
            clouds:
              lab:
                cacert: /etc/ssl/lab.pem
                endpoint_type: internalURL
                image_endpoint_override: https://glance
                auth: {auth_url: https://k, username: u, password: p, project_name: a}
              other: {}
            """, "--cloud", "lab", "--project", "b", "--region", "R", "--visibility", "shared")
        for field in [
            #""project":"b""#, #""region":"R""#, #""caFile":"/etc/ssl/lab.pem""#,
            #""interface":"internal""#, #""imageURL":"https://glance""#,
            #""visibility":"shared""#,
        ] {
            #expect(sent.contains(field), "\(sent)")
        }
    }

    @Test(
        "What cannot be used is refused with what to do",
        arguments: [
            ("a: 1", [], "has no 'clouds'"),
            ("clouds: {a: {}, b: {}}", [], "several clouds: a, b. Choose one with --cloud"),
            ("clouds: {lab: {}}", ["--cloud", "lub"], "no cloud 'lub'; did you mean 'lab'?"),
            ("clouds: {lab: {}}", [], "has no auth_url"),
            ("clouds: {lab: [1]}", [], "clouds.yaml:1:15: expected a mapping"),
            ("clouds: {lab: {auth: {auth_url: h}, verify: false}}", [], "--ca-file"),
            (
                "clouds: {lab: {auth: {auth_url: h}, auth_type: v3totp}}", [],
                "logs in by v3totp: password, v3applicationcredential and token are possible"
            ),
            (
                "clouds: {lab: {auth_type: v3applicationcredential, auth: {auth_url: h, "
                    + "application_credential_name: n}}}", [],
                "write application_credential_id"
            ),
            (
                "clouds: {lab: {regions: [a, b], auth: {auth_url: h, username: u}}}", [],
                "several regions: a, b. Choose one with --region"
            ),
            (
                "clouds: {lab: {auth: {auth_url: h, username: u, password: p}}}", [],
                "Missing option for kind openstack: --project"
            ),
        ])
    func refusals(file: String, words: [String], why: String) async throws {
        let folder = try TemporaryFolder()
        try Files.replace(folder.path + "/clouds.yaml", with: Array(file.utf8))
        let ran = await runCLI(
            ["env", "add", "lab", "--kind", "openstack", "--clouds-yaml"]
                + [folder.path + "/clouds.yaml"] + words)
        #expect(ran.code == .usage && ran.err.contains(why), "\(ran.err)")
    }

    @Test(
        "An option of another kind, and an unknown word, are refused before anything is sent",
        arguments: [
            (
                ["--kind", "registry", "--registry-url", "https://r", "--region", "R"],
                "Option --region is for kind openstack, not registry"
            ),
            (
                ["--kind", "openstack", "--repository", "x"],
                "Option --repository is for kind docker or registry, not openstack"
            ),
            (
                ["--kind", "openstack", "--visibility", "world"],
                "Unknown --visibility: world. Use private, shared, community or public"
            ),
            (
                ["--kind", "openstack", "--format", "vmdk"],
                "Unknown --format: vmdk. Use qcow2 or raw"
            ),
            (
                ["--kind", "openstack", "--interface", "private"],
                "Unknown --interface: private. Use public, internal or admin"
            ),
            (["--kind", "openstack", "--cloud", "lab"], "Option --cloud needs --clouds-yaml FILE"),
        ])
    func foreignOptions(words: [String], why: String) async {
        let ran = await runCLI(["env", "add", "lab"] + words)
        #expect(ran.code == .usage && ran.err.contains(why), "\(ran.err)")
    }

    @Test("An application credential needs neither user nor project")
    func credentialOption() async throws {
        try await withCoordinator({ router in
            router.say("POST", "/api/v1/environments", Self.environment, status: 201)
        }) { coordinator in
            let ran = await coordinator.run(
                "env", "add", "lab", "--kind", "openstack", "--auth-url", "https://k",
                "--application-credential", "abc")
            #expect(ran.code == .ok, "\(ran.err)")
            #expect(
                coordinator.bodies[0].contains(#""authentication":"applicationCredential""#))
        }
    }
}
