import Support
import TestSupport
import Testing
import TextKit

@testable import DockerKit

/// Definitions of containers, compared with what docker-py itself makes of them.
struct DockerPyTests {
    /// Runs `create` of docker-py's containers on each definition, up to the request.
    private static let program = #"""
        import json, sys
        import docker
        from docker.models import containers
        definitions = json.load(open(sys.argv[1]))
        client = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.41")
        sent = []
        def capture(config, name=None, platform=None):
            sent.append(config)
            raise StopIteration
        client.api.create_container_from_config = capture
        answers = []
        for definition in definitions:
            sent.clear()
            keywords = {k: v for k, v in definition.items() if k != "name"}
            try:
                client.containers.run("image", name=definition["name"], **keywords)
            except StopIteration:
                answers.append({"config": sent[0]})
            except Exception as error:
                answers.append({"error": str(error)})
        own = ["command", "image", "name", "network", "networking_config", "ports", "remove",
               "stderr", "stdout", "stream", "volumes"]
        known = sorted(set(
            containers.RUN_CREATE_KWARGS + containers.RUN_HOST_CONFIG_KWARGS + own))
        json.dump({"keywords": known, "answers": answers, "version": docker.__version__},
                  open(sys.argv[2], "w"))
        """#

    private func ask(_ definitions: [JSON]) async throws -> JSON {
        let folder = try TemporaryFolder()
        let (question, answer) = (folder.path + "/in", folder.path + "/out")
        try Files.replace(question, with: JSON.array(definitions).bytes)
        try await Python.run(Self.program, [question, answer])
        return try JSON(parsing: try Files.read(answer, limitBytes: 4 << 20))
    }

    /// Keywords with values that people write.
    private static let taken = [
        #""mem_limit":"1.5g","shm_size":"0.5g","mem_reservation":"512MB","memswap_limit":-1"#,
        #""mem_limit":"","mem_reservation":0"#,
        #""volumes":{"/srv/data":{"bind":"/data","mode":"rw","propagation":"rslave"}}"#,
        #""volumes":{"/srv/a":{"bind":"/a","ro":true},"/srv/b":{"bind":"/b"}}"#,
        #""volumes":["/srv/a:/a:ro","/srv/b:/b"]"#,
        #""ports":{"80/tcp":{"HostIp":"127.0.0.1","HostPort":8080}}"#,
        #""ports":{"80/tcp":"8080-8090"}"#,
        #""ports":{"80/tcp":[8080,"8081"],"81/tcp":null,"82":"","53/udp":{"HostPort":"53"}}"#,
        #""healthcheck":{"test":["CMD","true"],"interval":30000000000,"retries":3}"#,
        #""healthcheck":{"test":"curl -f http://localhost/","start_period":1000000}"#,
        #""ulimits":[{"Name":"nofile","Soft":65536,"Hard":65536},{"name":"core","hard":0}]"#,
        #""restart_policy":{"Name":"on-failure","MaximumRetryCount":5}"#,
        #""restart_policy":{}"#,
        #""links":[["cache",""],["db","database"]]"#, #""links":{"db":"database","e":null}"#,
        #""mac_address":"02:42:ac:11:00:02","network":"web""#,
        #""network":"web","networking_config":{"web":{"Aliases":["db"]}}"#,
        #""network":"","network_mode":"bridge""#,
        #""environment":{"A":null,"B":true,"C":1.5,"D":""}"#, #""environment":["A=1","B"]"#,
        #""privileged":true,"read_only":false,"init":true,"tty":true,"stdin_open":true"#,
        #""tmpfs":["/run:size=1m,mode=755","/tmp"]"#, #""tmpfs":{"/run":"size=1m"}"#,
        #""volumes_from":"a,b:ro""#, #""volumes_from":["a"]"#,
        #""log_config":{"type":"json-file","config":{"max-size":"1g"}}"#,
        #""device_requests":[{"driver":"nvidia","count":-1,"capabilities":[["gpu"]]}]"#,
        #""devices":["/dev/kvm","/dev/a:/dev/b:r",{"PathOnHost":"/dev/c"}]"#,
        #""extra_hosts":{"db":"10.0.0.1"},"sysctls":{"net.core.somaxconn":1024}"#,
        #""group_add":["kvm",104],"user":1000,"command":"sh -c 'echo a b'","entrypoint":"""#,
        #""cpu_shares":512,"cpu_period":100000,"cpu_quota":50000,"nano_cpus":500000000"#,
        #""cpu_rt_period":1000000,"cpu_rt_runtime":900000,"cpuset_cpus":"0-1""#,
        #""blkio_weight_device":[{"Path":"/dev/sda","Weight":300}],"blkio_weight":300"#,
        #""device_read_bps":[{"Path":"/dev/sda","Rate":1000}],"pids_limit":100"#,
        #""mounts":[{"Target":"/a","Source":"/b","Type":"bind","ReadOnly":true}]"#,
        #""dns":["1.1.1.1"],"dns_opt":["ndots:1"],"dns_search":["x"],"domainname":"d""#,
        #""cap_add":["NET_ADMIN"],"cap_drop":["ALL"],"security_opt":["no-new-privileges"]"#,
        #""labels":{"a":"b"},"hostname":"h","stop_signal":"SIGINT","working_dir":"/w""#,
        #""detach":1,"privileged":0,"remove":false,"auto_remove":false,"lxc_conf":null"#,
        #""isolation":"default","uts_mode":"host","userns_mode":"host","pid_mode":"host""#,
        #""ipc_mode":"host","cgroupns":"host","cgroup_parent":"/x","runtime":"runc""#,
        #""oom_kill_disable":true,"oom_score_adj":-5,"mem_swappiness":10,"kernel_memory":"1g""#,
        #""storage_opt":{"size":"10G"},"volume_driver":"local","publish_all_ports":true"#,
        #""device_cgroup_rules":["c 1:3 mr"],"network_disabled":true,"use_config_proxy":false"#,
        #""cpu_count":0,"cpu_percent":0,"platform":null,"stream":false"#,
    ]

    @Test("A definition that is taken becomes the request that docker-py sends")
    func sameRequests() async throws {
        let definitions = try Self.taken.map(Self.definition)
        let answers = try await ask(definitions)["answers"]
        guard case .array(let all)? = answers else { throw Failure("no answers") }
        #expect(all.count == definitions.count)
        for (text, (definition, answer)) in zip(Self.taken, zip(definitions, all)) {
            let theirs = try #require(answer["config"], "\(text): \(answer)")
            let ours = try ContainerDefinition(definition).request(image: "image", labels: [:])
            #expect(Self.meaning(ours) == Self.meaning(theirs), "\(text)")
        }
    }

    /// What docker-py refuses, or hands to an engine that refuses it.
    @Test(
        "A value that no engine takes is refused with what to write",
        arguments: [
            (
                #""healthcheck":{"test":"true","interval":"30s"}"#,
                "Interval is in nanoseconds, without quotes: write 30000000000 for 30s"
            ),
            (#""healthcheck":{"timeout":30}"#, "write 30000000000 for 30 seconds"),
            (#""network_mode":"host","ports":{"80/tcp":80}"#, "omit this key"),
            (#""network":"host","ports":{"80/tcp":80}"#, "omit this key"),
            (#""restart_policy":"always""#, #"write {"Name": "always"}"#),
            (#""init":true,"init_path":"/x""#, "use 'init': true"),
            (#""privileged":"true""#, "write it without quotes"),
            (#""ports":{"80":"127.0.0.1:8080"}"#, #"["127.0.0.1", 8080] with an address"#),
            (#""ports":{"80":{"HostIp":"127.0.0.1"}}"#, "the object needs HostPort"),
            (#""ports":{"80":"9000-8000"}"#, "8080-8090"),
            (#""volumes":{"/a":{"bind":"/b","ro":true,"mode":"rw"}}"#, "omit one of them"),
            (#""volumes":{"/a":{"bind":"/b","propagation":"x"}}"#, "rshared, shared"),
            (#""networking_config":{"web":{}}"#, "the network that 'network' names"),
            (
                #""network":"a","networking_config":{"a":{},"b":{}}"#,
                "a container begins in one network"
            ),
            (#""ulimits":[{"soft":1}]"#, "needs a Name"),
            (#""links":[["a"]]"#, #"["container", "alias"]"#),
            (#""mem_limit":"1.5x""#, "use bytes, or 512m or 1.5g"),
            (#""use_config_proxy":true"#, "'environment'"), (#""detach":0"#, "must be true"),
        ])
    func refusals(text: String, words: String) throws {
        let error = #expect(throws: DockerError.self) {
            try ContainerDefinition(try Self.definition(text))
        }
        #expect(try #require(error).description.contains(words), "\(String(describing: error))")
    }

    @Test("The documentation says of every argument of docker-py whether it is taken")
    func documentation() async throws {
        let answer = try await ask([])
        #expect(answer["version"]?.text?.hasPrefix("7.") == true)
        guard case .array(let keywords)? = answer["keywords"] else { throw Failure("none") }
        let names = keywords.compactMap(\.text)
        let isTaken = { DefinitionKeys.fields[$0] != nil || $0 == "name" }
        let taken = names.filter(isTaken).map { "`\($0)`" }.joined(separator: ", ")
        let rows = names.filter { !isTaken($0) }.map { name in
            let fixed = DefinitionKeys.fixed[name]?.reason
            return "| `\(name)` | \(fixed ?? DefinitionKeys.refused[name] ?? "unknown") |"
        }
        #expect(!rows.contains { $0.hasSuffix("| unknown |") }, "\(rows)")
        let path = Files.folder(of: Files.folder(of: Files.folder(of: #filePath)))
        let page = String(
            decoding: try Files.read(path + "/docs/releasing-docker.md", limitBytes: 1 << 20),
            as: UTF8.self)
        for line in ["\(taken)."] + rows {
            #expect(page.contains(line + "\n"), "docs/releasing-docker.md lacks: \(line)")
        }
    }

    private static func definition(_ keywords: String) throws -> JSON {
        let detach = keywords.contains("detach") ? "" : #""detach":true,"#
        return try JSON(parsing: Array(#"{"name":"app",\#(detach)\#(keywords)}"#.utf8))
    }

    /// A request without what means the same as nothing: empty values, docker-py's streams of the
    /// client, and mount points that a bind fills. An engine ignores the case of keys.
    private static func meaning(_ request: JSON) -> JSON {
        guard case .object(var fields) = request else { return request }
        for key in ["AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "Volumes"] {
            fields[key] = nil
        }
        return plain(.object(fields)) ?? .null
    }

    private static func plain(_ value: JSON) -> JSON? {
        switch value {
        case .object(let fields):
            var kept: [String: JSON] = [:]
            for (key, value) in fields where value != .string("default") || key != "NetworkMode" {
                if let value = plain(value) { kept[key.lowercased()] = value }
            }
            // The settings of an endpoint may be empty.
            return kept.isEmpty ? nil : .object(kept)
        case .array(let values):
            let kept = values.compactMap { plain($0) }
            return kept.isEmpty ? nil : .array(kept)
        case .double(let number): return Int64(exactly: number).map { .int($0) } ?? value
        default: return value.isEmptyToPython ? nil : value
        }
    }
}
