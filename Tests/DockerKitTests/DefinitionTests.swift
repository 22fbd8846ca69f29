import Testing
import TextKit

@testable import DockerKit

struct DefinitionTests {
    private func definition(_ text: String) throws -> ContainerDefinition {
        try ContainerDefinition(JSON(parsing: Array(text.utf8)))
    }

    private func body(_ text: String) throws -> String {
        let request = try definition(text).request(image: "r/app@sha256:1", labels: [:])
        return String(decoding: request.bytes, as: UTF8.self)
    }

    private func refusal(_ text: String) throws -> String {
        let error = #expect(throws: DockerError.self) { try definition(text) }
        let found = try #require(error)
        #expect(found.code == .invalid)
        return found.description
    }

    /// As Python deployment scripts save it.
    @Test("A docker-py document is translated to the Engine API")
    func deploymentDocumentIsTranslated() throws {
        let text = """
            {
                "name": "consult", "detach": true, "network_mode": "default", "privileged": true,
                "log_config": {"type": "journald"}, "restart_policy": {"Name": "always"},
                "ports": {"8080/tcp": "8080"},
                "environment": {"PRO_IP": "10.64.26.41", "PRO_PORT": "8080",
                    "spring.profiles.active": "prod"}
            }
            """
        #expect(try definition(text).name == "consult")
        #expect(
            try body(text) == #"{"Env":["PRO_IP=10.64.26.41","PRO_PORT=8080","#
                + #""spring.profiles.active=prod"],"ExposedPorts":{"8080/tcp":{}},"#
                + #""HostConfig":{"LogConfig":{"Type":"journald"},"NetworkMode":"default","#
                + #""PortBindings":{"8080/tcp":[{"HostPort":"8080"}]},"Privileged":true,"#
                + #""RestartPolicy":{"Name":"always"}},"Image":"r/app@sha256:1"}"#)
    }

    /// Each keyword of docker-py in a form that it accepts, and what it sends to the engine.
    @Test(
        "Each docker-py keyword is translated",
        arguments: [
            (
                #""ports":{"53/udp":["127.0.0.1",53],"80":[8080,"8081"],"90":null}"#,
                #""ExposedPorts":{"53/udp":{},"80/tcp":{},"90/tcp":{}},"#
                    + #""HostConfig":{"PortBindings":{"#
                    + #""53/udp":[{"HostIp":"127.0.0.1","HostPort":"53"}],"#
                    + #""80/tcp":[{"HostPort":"8080"},{"HostPort":"8081"}],"#
                    + #""90/tcp":[{"HostPort":""}]}}"#
            ),
            (
                #""volumes":{"/srv/a":{"bind":"/a","mode":"ro"},"named":{"bind":"/b"}}"#,
                #""HostConfig":{"Binds":["/srv/a:/a:ro","named:/b:rw"]}"#
            ),
            (
                #""volumes":["/x:/y:ro","/data"]"#,
                #""HostConfig":{"Binds":["/x:/y:ro"]}"#
            ),
            (
                #""mem_limit":"512m","memswap_limit":-1,"shm_size":"1gb","mem_reservation":1024"#,
                #""HostConfig":{"Memory":536870912,"MemoryReservation":1024,"MemorySwap":-1,"#
                    + #""ShmSize":1073741824}"#
            ),
            (
                #""command":"sh -c 'echo \"a b\"' x\\ y""#,
                #""Cmd":["sh","-c","echo \"a b\"","x y"]"#
            ),
            (
                #""entrypoint":["/bin/x","-y"],"user":1000"#,
                #""Entrypoint":["/bin/x","-y"]"#
            ),
            (#""environment":["A=1","B"]"#, #""Env":["A=1","B"]"#),
            (#""environment":{"A":1,"B":null}"#, #""Env":["A=1","B"]"#),
            (#""extra_hosts":{"db":"10.0.0.1"}"#, #""HostConfig":{"ExtraHosts":["db:10.0.0.1"]}"#),
            (
                #""devices":["/dev/kvm","/dev/a:/dev/b:r"]"#,
                #""HostConfig":{"Devices":[{"CgroupPermissions":"rwm","#
                    + #""PathInContainer":"/dev/kvm","PathOnHost":"/dev/kvm"},"#
                    + #"{"CgroupPermissions":"r","PathInContainer":"/dev/b","#
                    + #""PathOnHost":"/dev/a"}]}"#
            ),
            (
                #""network":"back""#,
                #""HostConfig":{"NetworkMode":"back"},"#
            ),
            (#""network":"back""#, #""NetworkingConfig":{"EndpointsConfig":{"back":{}}}"#),
            (
                #""healthcheck":{"test":"curl localhost","interval":1000000000}"#,
                #""Healthcheck":{"Interval":1000000000,"Test":["CMD-SHELL","curl localhost"]}"#
            ),
            (#""labels":["a=b","c"]"#, #""Labels":{"a":"b","c":""}"#),
            (
                #""tmpfs":{"/run":"size=1m"},"sysctls":{"net.core.somaxconn":1024}"#,
                #""HostConfig":{"Sysctls":{"net.core.somaxconn":"1024"},"#
                    + #""Tmpfs":{"/run":"size=1m"}}"#
            ),
            (
                #""cap_add":["NET_ADMIN"],"read_only":true,"nano_cpus":500000000"#,
                #""HostConfig":{"CapAdd":["NET_ADMIN"],"NanoCpus":500000000,"ReadonlyRootfs":true}"#
            ),
        ])
    func keywordsAreTranslated(_ keys: String, _ expected: String) throws {
        let body = try body(#"{"name":"app","# + keys + "}")
        #expect(body.contains(expected), "\(body)")
    }

    @Test(
        "An invalid definition is refused with the key that is wrong",
        arguments: [
            (#"{"detach":true}"#, "a container definition needs the key 'name'"),
            (#"[]"#, "must be an object"),
            (#"{"name":"a/b"}"#, "name: 'a/b' is not a container name"),
            (
                #"{"name":"app","enviroment":{}}"#,
                "unknown key 'enviroment'; did you mean 'environment'?"
            ),
            (#"{"name":"app","restart":"always"}"#, "unknown key 'restart'"),
            (#"{"name":"app","detach":false}"#, "detach: must be true"),
            (
                #"{"name":"app","network":"back","network_mode":"host"}"#,
                "network and network_mode are mutually exclusive"
            ),
            (
                #"{"name":"app","networks":["back"]}"#,
                "unknown key 'networks'; did you mean 'network'?"
            ),
            (#"{"name":"app","auto_remove":true}"#, "auto_remove: must be false"),
            (#"{"name":"app","image":"x"}"#, "image: the release determines the image"),
            (
                #"{"name":"app","privileged":"yes"}"#,
                "privileged: expected true or false, got a string"
            ),
            (#"{"name":"app","mem_limit":"lots"}"#, "mem_limit: 'lots' is not a size"),
            (#"{"name":"app","ports":{"99999":1}}"#, "ports: '99999' is not a port"),
            (#"{"name":"app","ports":{"80":"http"}}"#, "ports: 80: 'http' is not a host port"),
            (#"{"name":"app","ports":["80"]}"#, "ports: expected an object, got a list"),
            (
                #"{"name":"app","restart_policy":{"Name":"sometimes"}}"#,
                "restart_policy: Name must be"
            ),
            (#"{"name":"app","volumes":{"/a":{"path":"/b"}}}"#, "volumes: unknown key 'path'"),
            (#"{"name":"app","command":"echo 'x"}"#, "command: a quote is not closed"),
            (#"{"name":"app","log_config":{"kind":"x"}}"#, "log_config: unknown key 'kind'"),
        ])
    func invalidKeysAreNamed(_ text: String, _ words: String) throws {
        let message = try refusal(text)
        #expect(message.contains(words), "\(message)")
    }

    @Test("Labels of the deployment override those of the definition")
    func deploymentLabelsWin() throws {
        let request = try definition(#"{"name":"app","labels":{"a":"1","b":"2"}}"#)
            .request(image: "x", labels: ["a": "own"])
        #expect(request["Labels"] == .object(["a": .string("own"), "b": .string("2")]))
    }

    @Test(
        "Image references are parsed into registry, path and tag",
        arguments: [
            (
                "10.0.0.1:5000/team/app:v1", "10.0.0.1:5000/team/app", "v1", "10.0.0.1:5000",
                "team/app"
            ),
            ("busybox", "busybox", nil, nil, "busybox"),
            ("team/app:1", "team/app", "1", nil, "team/app"),
            ("localhost/app", "localhost/app", nil, "localhost", "app"),
        ])
    func imageReferencesParse(
        _ text: String, _ repository: String, _ tag: String?, _ registry: String?, _ path: String
    ) throws {
        let reference = try ImageReference(text)
        #expect(reference.repository == repository)
        #expect(reference.tag == tag)
        #expect(reference.registry == registry)
        #expect(reference.pathInRegistry == path)
        #expect(reference.description == text)
    }

    @Test("Names of the same repository compare equal, and malformed ones are refused")
    func repositoriesAreCompared() throws {
        let digest = "sha256:" + String(repeating: "a", count: 64)
        #expect(try ImageReference("r:5000/app@\(digest)").digest == digest)
        for (left, right) in [
            ("docker.io/library/busybox:1", "busybox:2"), ("r:5000/a", "r:5000/a:1"),
        ] {
            #expect(try ImageReference(left).isOfSameRepository(as: ImageReference(right)))
        }
        #expect(try !ImageReference("r:5000/app").isOfSameRepository(as: ImageReference("app")))
        for wrong in ["", "App:1", "a b", "app:", "app@sha256:12", "r:5000/", "a//b", "app:t/x"] {
            #expect(throws: DockerError.self, "\(wrong)") { try ImageReference(wrong) }
        }
    }

    @Test("Authentication challenges are parsed")
    func authChallengesParse() throws {
        let challenge = try #require(
            AuthChallenge(
                #"Bearer realm="https://auth.x/token",service="r",scope="repository:a:pull,push""#))
        #expect(challenge.scheme == "bearer")
        #expect(challenge.fields["realm"] == "https://auth.x/token")
        #expect(challenge.fields["scope"] == "repository:a:pull,push")
        #expect(AuthChallenge("Basic realm=test")?.fields == ["realm": "test"])
    }
}
