import CoordinatorCore
import Testing

@Suite struct SetupProblemTests {
    @Test(
        "A coordinator on loopback is a problem for hosts on other machines",
        arguments: [
            ("http://127.0.0.1:9753", "aibuild@10.0.0.5:22", true),
            ("http://localhost:9753/", "aibuild@kvm1", true),
            ("http://[::1]:9753/x", "aibuild@[2001:db8::1]:22", true),
            ("http://127.0.0.1:9753", "aibuild@127.0.0.1:2201", false),
            ("http://127.0.0.1:9753", "aibuild@[::1]:22", false),
            ("http://127.0.0.1:9753", "127.0.0.2", false),
            ("http://LOCALHOST:9753", "aibuild@127.example.org", true),
            ("https://images.example.com", "aibuild@kvm1", false),
            ("http://10.0.0.1:9753", "aibuild@localhost", false),
        ])
    func loopback(_ url: String, _ host: String, _ isProblem: Bool) {
        let found = SetupProblem.loopback(url, hosts: ["aibuild@127.0.0.1", host])
        #expect((found != nil) == isProblem)
        #expect(found?.problem.contains(host) ?? true)
        #expect(SetupProblem.loopback(url, hosts: []) == nil)
    }
}
