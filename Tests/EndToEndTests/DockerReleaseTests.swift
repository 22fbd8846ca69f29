import FoundationEssentials
import HTTPClientKit
import Support
import TestSupport
import Testing

/// From a build to a registry and Docker hosts, through the public API.
@Suite struct DockerReleaseTests {
    @Test("A build is released to a registry, and a failed deployment leaves no container")
    func releasesToRegistryAndDockerHost() async throws {
        let registry = try await RegistryServer.start(isOpen: false)
        let host = try await DockerHost.shared()
        let name = "svc" + String(UInt32.random(in: .min ... .max), radix: 16)
        try await withFarm { farm in
            try await farm.register(
                "store",
                #"{"registry":{"url":"\#(registry.url)","repository":"images/{guestos}","#
                    + #""username":"\#(RegistryServer.user)"}}"#)
            // A definition that a deployment script saved. It needs a program, which a disk image
            // does not contain.
            let container = FarmClient.quoted(
                #"{"name":"\#(name)","detach":true,"network_mode":"none","command":"/disk/run"}"#)
            try await farm.register(
                "shop",
                #"{"docker":{"repository":"\#(registry.host)/images/{guestos}","#
                    + #""registry":"store","username":"\#(RegistryServer.user)","hosts":[{"#
                    + #""name":"one","url":"https://127.0.0.1:\#(host.port)","#
                    + #""certificates":"\#(host.certificates.folder)","#
                    + #""container":\#(container)}]}}"#
            )
            let build = try await farm.imageBuild()
            let stored = try await farm.end(try await farm.release(build, to: ["store"])[0])
            #expect(stored.state == "released", "\(stored)")
            let digest = try #require(stored.remoteID)
            try await farm.shell(
                "curl -fsS -u \(RegistryServer.user):\(RegistryServer.password) -H "
                    + "'Accept: application/vnd.oci.image.manifest.v1+json' "
                    + "\(registry.url)/v2/images/\(build.guestOS)/manifests/latest "
                    + "| sha256sum | grep -q '^\(digest.dropFirst("sha256:".count)) '")

            let shop = try await farm.end(try await farm.release(build, to: ["shop"])[0])
            #expect(shop.state == "failed", "\(shop)")
            #expect(shop.attemptCount == 1, "the failed try left nothing to take back")
            // The image was already in the registry, was pulled with the password, and cannot be
            // run.
            let fault = try #require(shop.fault)
            #expect(fault.contains("one: cannot start container \(name)"), "\(fault)")
            #expect(fault.contains("/disk/run"), "\(fault)")
            #expect(!fault.contains(RegistryServer.password))
            let left = try await host.run(["ps", "--all", "--quiet", "--filter", "name=^\(name)"])
            #expect(left.isEmpty)
        }
    }

    @Test("An environment with a wrong registry password is refused")
    func wrongRegistryPasswordIsRefused() async throws {
        let registry = try await RegistryServer.start(isOpen: false)
        try await withFarm { farm in
            let answer = try await farm.api.send(
                "POST", "/api/v1/environments",
                json: #"{"name":"store","secret":"guess","settings":{"registry":{"#
                    + #""url":"\#(registry.url)","username":"robot"}}}"#)
            #expect(answer.status == 409)
            #expect(!FarmClient.text(answer).contains("guess"))
        }
    }
}

extension Farm {
    fileprivate func register(_ name: String, _ settings: String) async throws {
        let answer = try await api.send(
            "POST", "/api/v1/environments",
            json: #"{"name":"\#(name)","secret":"\#(RegistryServer.password)","#
                + #""settings":\#(settings)}"#)
        #expect(answer.status == 201, "\(FarmClient.text(answer))")
    }
}
