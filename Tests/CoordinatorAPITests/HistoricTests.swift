import CoordinatorAPI
import CoordinatorCore
import Foundation
import HTTPTypes
import Testing

/// The endpoints of the original AIBuild, as its Jenkins jobs call them.
@Suite("Routes of the original AIBuild") struct HistoricTests {
    private let farm: LeaderAPI

    init() async throws { farm = try await LeaderAPI() }

    private func ask(
        _ method: String, _ target: String, form: String = "", json: String? = nil,
        headers: HTTPHeaders = [:]
    ) async throws -> [String: Any] {
        var headers = headers
        headers.set(
            "Content-Type",
            json == nil ? "application/x-www-form-urlencoded" : "application/json; charset=utf-8")
        let answer = try await farm.api.ask(method, target, json ?? form, headers: headers)
        let object = try JSONSerialization.jsonObject(with: Data(answer.bytes))
        var fields = try #require(object as? [String: Any])
        fields["HTTP"] = answer.status
        return fields
    }

    private func text(_ fields: [String: Any], _ name: String) -> String? {
        fields[name] as? String
    }

    @Test("A guest OS is registered and found, with the status in the body")
    func registersAGuestOS() async throws {
        let made = try await ask(
            "POST", "/v1/guestos",
            json: #"{"name":"ubuntu1604","base_iso":"u.iso","type":"Linux","distro":"ubuntu","#
                + #""version":16.04}"#)
        #expect(made["HTTP"] as? Int == 200 && made["status"] as? Int == 200)
        #expect(text(made, "version") == "16.04" && text(made, "type") == "linux")
        let found = try await ask("GET", "/v1/guestos?name=ubuntu1604")
        #expect(text(found, "id") == text(made, "id") && text(found, "base_iso") == "u.iso")
        let twice = try await ask(
            "POST", "/v1/guestos",
            form: "name=ubuntu1604&base_iso=&type=linux&distro=&version=")
        #expect(twice["HTTP"] as? Int == 200 && twice["status"] as? Int == 409)
        let again = try await ask(
            "POST", "/v1/guestos",
            form: "name=ubuntu1604&base_iso=u.iso&type=Linux&distro=ubuntu&version=16.04")
        #expect(again["status"] as? Int == 200 && text(again, "id") == text(made, "id"))
        let missing = try await ask("POST", "/v1/guestos", form: "name=x&type=linux")
        #expect(missing["HTTP"] as? Int == 200 && missing["status"] as? Int == 400)
        #expect(text(missing, "message") == "Miss required field")
        let odd = try await ask(
            "POST", "/v1/guestos", form: "name=..%2Fx&base_iso=&type=linux&distro=&version=")
        #expect(odd["status"] as? Int == 400)
        #expect(try await ask("GET", "/v1/guestos?name=none")["status"] as? Int == 404)
    }

    @Test("A Jenkins job can report its build, test and release") func recordsReports() async throws
    {
        try await farm.leader.add(
            GuestOS(
                id: "g1", name: "ubuntu1604", type: .linux, distro: "", version: "", baseISO: "",
                template: .git(url: "u", ref: "r"), owner: "o", createdMilliseconds: 0))
        let build = try await ask(
            "POST", "/v1/build",
            form: "image_name=u_1.qcow2&os_name=ubuntu1604&update_contents=%E6%9B%B4+new"
                + "&get_url=http%3A%2F%2Fold%2F1")
        #expect(build["status"] as? Int == 200 && text(build, "update_contents") == "更 new")
        let found = try await ask("GET", "/v1/build?name=u_1.qcow2")
        #expect(text(found, "id") == text(build, "id") && text(found, "os_id") == "g1")
        #expect(text(found, "os_name") == "ubuntu1604", "the original's release.py reads it")
        #expect(text(found, "build_at") == "1970-01-01 00:00:00")

        let test = try await ask(
            "POST", "/v1/test", form: "image_name=u_1.qcow2&case_name=boot&result=ok")
        #expect(test["status"] as? Int == 200 && text(test, "log_id") != nil)
        #expect(await farm.store.historicTests.map(\.caseName) == ["boot"])

        let release = try await ask(
            "POST", "/v1/release", form: "env_name=prod&glance_id=42")
        #expect(text(release, "glance_id") == "42" && text(release, "env_name") == "prod")
        #expect(await farm.store.historicReleases.map(\.glanceID) == ["42"])
        #expect(try await ask("POST", "/v1/release")["status"] as? Int == 400)
    }

    @Test("A repeated report has the answer of the first") func repeatedReports() async throws {
        let form = "image_name=u_1.qcow2&os_name=none&update_contents=a&get_url=b"
        let first = try await ask("POST", "/v1/build", form: form)
        let second = try await ask("POST", "/v1/build", form: form)
        #expect(second["status"] as? Int == 200 && text(second, "id") == text(first, "id"))
        #expect(await farm.store.buildLog(guestOSID: nil, limit: 9).count == 1)
        let environment =
            "env_name=prod&auth_url=http://k:5000/v3&project_domain_name=Default"
            + "&user_domain_name=Default&project_name=p&username=u&password=hunter22&region=r"
        let made = try await ask("POST", "/v1/env", form: environment)
        let again = try await ask("POST", "/v1/env", form: environment)
        #expect(text(again, "env_uuid") == text(made, "env_uuid"))
        let other = try await ask("POST", "/v1/env", form: environment + "2")
        #expect(other["status"] as? Int == 409 && text(other, "return_value") == "1")
    }

    @Test("What a report leaves out is null, as in the original") func nullFields() async throws {
        for json in [
            #"{"image_name":"a.qcow2","os_name":"a"}"#,
            #"{"image_name":"b.qcow2","os_name":"a","update_contents":null,"get_url":null}"#,
        ] {
            let made = try await ask("POST", "/v1/build", json: json)
            #expect(made["status"] as? Int == 200, "\(made)")
        }
        _ = try await farm.leader.record(
            BuildLogEntry(
                id: "old", imageName: "old.qcow2", builtMilliseconds: nil, updateContents: nil,
                getURL: nil))
        let found = try await ask("GET", "/v1/build?name=old.qcow2")
        for field in ["os_id", "os_name", "build_at", "update_contents", "get_url"] {
            #expect(found[field] is NSNull, "\(field)")
        }
        for form in ["os_name=a", "image_name=a", ""] {
            let missing = try await ask("POST", "/v1/build", form: form)
            #expect(missing["HTTP"] as? Int == 200 && missing["status"] as? Int == 400)
            #expect(text(missing, "message") == "Miss required field")
        }
        let broken = try await ask("POST", "/v1/build", json: "{")
        #expect(broken["HTTP"] as? Int == 200 && broken["status"] as? Int == 400)
    }

    @Test("Names are looked up without their case, as the original's tables did")
    func looseNames() async throws {
        let fields = "&base_iso=&type=linux&distro=&version="
        _ = try await ask("POST", "/v1/guestos", form: "name=centos75" + fields)
        let build = "image_name=c_1.qcow2&os_name=CentOS75"
        _ = try await ask("POST", "/v1/build", form: build)
        let found = try await ask("GET", "/v1/guestos?name=CENTOS75")
        #expect(found["status"] as? Int == 200 && text(found, "name") == "centos75")
        let log = try await ask("GET", "/v1/build?name=C_1.QCOW2")
        #expect(text(log, "os_name") == "CentOS75" && text(log, "os_id") == text(found, "id"))
    }

    @Test("The password of an environment is stored and never shown") func hidesThePassword()
        async throws
    {
        let form =
            "env_name=prod&auth_url=http://k:5000/v3&project_domain_name=Default"
            + "&user_domain_name=Default&project_name=p&username=u&password=hunter22&region=r"
        let made = try await ask("POST", "/v1/env", form: form)
        #expect(text(made, "return_value") == "0" && text(made, "env_uuid") != nil)
        #expect(await farm.store.secret(ofEnvironment: "prod")?.reveal == "hunter22")
        let found = try await ask("GET", "/v1/env?env_name=prod")
        #expect(text(found, "id") == text(made, "env_uuid") && text(found, "username") == "u")
        #expect(!"\(found)".contains("hunter22") && found["password"] == nil)
        let refused = try await ask(
            "POST", "/v1/env",
            form: form.replacing("http:", with: "x:").replacing("=prod", with: "=lab"))
        #expect(refused["status"] as? Int == 400)
    }

    @Test(
        "A request from a web page is refused, even from one of the coordinator's own",
        arguments: [
            ("Origin", "x", 403), ("Sec-Fetch-Site", "x", 403),
            ("Origin", "http://127.0.0.1:9753", 400), ("Sec-Fetch-Site", "same-origin", 400),
        ])
    func refusesWebPages(header: String, value: String, status: Int) async throws {
        let answer = try await ask(
            "POST", "/v1/release", form: "env_name=a&glance_id=b", headers: [header: value])
        #expect(answer["HTTP"] as? Int == status)
        #expect(await farm.store.historicReleases.isEmpty)
    }
}
