import AMQPKit
import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// A real RabbitMQ and the installed programs.
@Suite(.timeLimit(.minutes(10))) struct RabbitMQTests {
    private func aibuild(_ farm: Farm, _ arguments: String) async throws -> String {
        let program = try FarmProgram.path("aibuild")
        return try await farm.shell(
            "AIBUILD_URL=\(farm.api.base) \(program) \(arguments) 2>&1 || echo \"exit $?\"")
    }

    private func session(
        _ server: RabbitMQServer, _ vhost: String, _ queue: String
    ) async throws -> AMQPSession {
        try await AMQPSession.open(
            AMQPEndpoint(
                nodes: [], vhost: vhost, user: RabbitMQServer.user,
                password: RabbitMQServer.password, name: "tests"),
            at: .init(host: "127.0.0.1", port: Int(server.port)),
            AMQPNeeds(queue: queue, prefetch: 50))
    }

    private func message(_ id: String, _ body: String) -> AMQPMessage {
        AMQPMessage(
            exchange: "", routingKey: "requests", messageID: id,
            contentType: "application/json", type: "", appID: "tests", body: Array(body.utf8))
    }

    private func withFarm(
        _ server: RabbitMQServer, _ vhost: String, hosts: Int = 0,
        password: String = RabbitMQServer.password,
        line: (String) -> String = { "rabbitmq: {tls: false, \($0)}" },
        _ body: (Farm) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        try Files.replace("\(folder.path)/password", with: Array("\(password)\n".utf8))
        var setup = Farm.Setup()
        setup.hosts = hosts
        setup.queuedBuilds = 1
        setup.coordinatorLines = [
            line(
                "vhost: \(vhost), password_file: \(folder.path)/password, "
                    + "requests: {queue: requests}, results: {routing_key: results}, "
                    + "hosts: ['localhost:\(server.port)']")
        ]
        try await TestSupport.withFarm(setup) { farm in
            let template = "\(farm.folder)/templates/a"
            try Files.makeFolder(template)
            try Files.replace(
                template + "/aibuild.yml", with: Array("builder: command\ncommand: [./b]\n".utf8))
            try Files.replace(
                template + "/b",
                with: Array("#!/bin/sh\nprintf x > \"$AIBUILD_OUTPUT/a.raw\"\n".utf8), mode: 0o755)
            let added = try await aibuild(farm, "guestos add a --type linux --template \(template)")
            #expect(!added.contains("exit"), "\(added)")
            try await body(farm)
        }
    }

    @Test("By TLS: a message is built, published and answered, and a bad one is a dead letter")
    func requested() async throws {
        let server = try await RabbitMQServer.shared()
        let vhost = server.vhost()
        let authorities = server.certificates.folder + "/ca.pem"
        let line = { (rest: String) in
            "rabbitmq: {ca_file: \(authorities), "
                + rest.replacing(":\(server.port)", with: ":\(server.tlsPort)") + "}"
        }
        try await withFarm(server, vhost, hosts: 1, line: line) { farm in
            let requests = try await session(server, vhost, "results")
            try await requests.publish(message("m-1", #"{"guestOS": "a", "reason": "nightly"}"#))
            var answers: [String] = []
            for try await answer in requests.deliveries {
                requests.acknowledge(answer.tag)
                #expect(answer.correlationID == "m-1")
                answers.append(String(decoding: answer.body ?? [], as: UTF8.self))
                let ends = ["passed", "failed", "cancelled"].map { "\"state\":\"\($0)\"" }
                if ends.contains(where: { answers.last?.contains($0) == true }) { break }
            }
            let end = try #require(answers.last)
            #expect(end.contains(#""build":"a:1""#) && end.contains(#""state":"passed""#), "\(end)")
            #expect(end.contains("/images/build/a/") && end.contains(#""sha256":""#), "\(end)")
            try await requests.publish(message("m-2", #"{"guestOS": "b"}"#))
            await requests.close()
            let letters = try await session(server, vhost, "refused")
            var dead = letters.deliveries.makeAsyncIterator()
            #expect(try await dead.next()?.messageID == "m-2")
            await letters.close()
            let list = try await aibuild(farm, "deliveries --hook rabbitmq")
            #expect(list.contains("build of a") && list.contains("a:1"), "\(list)")
            #expect(list.contains("failed") && list.contains("guest OS named 'b'"), "\(list)")
            let hooks = try await aibuild(farm, "hooks")
            #expect(
                hooks.contains(
                    "rabbitmq is connected to localhost:\(server.tlsPort), last message"),
                "\(hooks)")
        }
    }

    @Test("Notifications are messages of a queue, also where no builds are requested by messages")
    func notifications() async throws {
        let server = try await RabbitMQServer.shared()
        let vhost = server.vhost()
        let requests = "requests: {queue: requests}, results: {routing_key: results}, "
        let line = { (rest: String) in
            """
            rabbitmq: {tls: false, \(rest.replacing(requests, with: ""))}
            notifications:
              events: {type: rabbitmq, routing_key: results, on: [passed]}
              lost: {type: rabbitmq, exchange: nowhere, on: [passed]}
            """
        }
        try await withFarm(server, vhost, hosts: 1, line: line) { farm in
            let build = try await farm.api.end(of: try await farm.api.submit("a"))
            #expect(build.state == "passed", "\(build)")
            let results = try await session(server, vhost, "results")
            var messages = results.deliveries.makeAsyncIterator()
            let message = try #require(try await messages.next())
            let text = String(decoding: message.body ?? [], as: UTF8.self)
            #expect(text.contains(#""build":"a:1""#), "\(text)")
            #expect(text.contains(#""kind":"passed""#), "\(text)")
            await results.close()
            let list = try await eventually("the exchange is missing, and that is said") {
                let said = try await aibuild(farm, "notifications")
                return said.contains("the exchange nowhere") ? said : nil
            }
            #expect(list.contains("next try"), "\(list)")
        }
    }

    @Test("RabbitMQ is killed between delivery and acknowledgement: one build, and it is answered")
    func killed() async throws {
        let server = try await RabbitMQServer.start()
        try await withFarm(server, "t0") { farm in
            _ = try await aibuild(farm, "build a")
            let requests = try await session(server, "t0", "refused")
            try await requests.publish(message("m-1", #"{"guestOS": "a"}"#))
            try await eventually("the message waits for room") {
                try await aibuild(farm, "deliveries show 1").contains("the queue is full")
            }
            try await server.kill()
            _ = try await aibuild(farm, "cancel a:1")
            try await eventually("the build is stored") {
                try await aibuild(farm, "deliveries show 1").contains("a:2")
            }
            let hooks = try await aibuild(farm, "hooks")
            #expect(hooks.contains("rabbitmq is not connected: Cannot connect to"), "\(hooks)")
            try await server.comeBack()
            let results = try await session(server, "t0", "results")
            var answers = results.deliveries.makeAsyncIterator()
            let answer = try #require(try await answers.next())
            let text = String(decoding: answer.body ?? [], as: UTF8.self)
            #expect(text.contains(#""build":"a:2""#), "\(text)")
            await results.close()
            try await eventually("the message came again, and was acknowledged") {
                try await server.messages(in: "requests", of: "t0") == 0
            }
            #expect(try await server.messages(in: "refused", of: "t0") == 0)
            let builds = try await aibuild(farm, "builds a")
            #expect(!builds.contains("a:3"), "\(builds)")
        }
    }

    @Test(
        "A wrong setting is refused with its place",
        arguments: [
            (
                "hosts: ['x y']", "routing_key: r",
                ":2:11: key 'rabbitmq.hosts[0]': expected a server"
            ),
            ("hosts: []", "routing_key: r", "key 'rabbitmq.hosts': expected 1 to 20 servers"),
            ("hosts: [a]", "routing_key: q", "key 'rabbitmq.results': answers would be taken for"),
            ("hosts: [a]", "exchange: ''", "key 'rabbitmq.results': needs an exchange, or the"),
            ("tls: false\n  hosts: [a]\n  ca_file: /etc/hosts", "exchange: x", "is for tls: true"),
            ("hosts: [a]\n  vhost: ''", "exchange: x", "key 'rabbitmq.vhost': is empty"),
            ("hosts: [a]\n  user_name: x", "exchange: x", "user_name"),
        ])
    func wrongSettings(lines: String, results: String, words: String) async throws {
        let folder = try TemporaryFolder()
        try Files.replace("\(folder.path)/password", with: Array("secret-word\n".utf8))
        try Files.replace(
            "\(folder.path)/c.yml",
            with: Array(
                """
                rabbitmq:
                  \(lines)
                  password_file: \(folder.path)/password
                  requests: {queue: q}
                  results: {\(results)}
                state_folder: \(folder.path)/state

                """.utf8))
        let output = try await Command(
            [try FarmProgram.path("aibuild-coordinator"), "--config", "\(folder.path)/c.yml"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(output.status == .exited(1))
        #expect(output.stderrText.contains("\(folder.path)/c.yml:"), "\(output.stderrText)")
        #expect(output.stderrText.contains(words), "\(output.stderrText)")
        #expect(!output.stderrText.contains("secret-word"))
    }

    @Test("A wrong password is shown to people, and keeps nothing else from working")
    func wrongPassword() async throws {
        let server = try await RabbitMQServer.shared()
        try await withFarm(server, server.vhost(), password: "wrong-password") { farm in
            let hooks = try await eventually("the problem is shown") {
                let hooks = try await aibuild(farm, "hooks")
                return hooks.contains("refuses the user") ? hooks : nil
            }
            #expect(hooks.contains("Check user and password_file"), "\(hooks)")
            #expect(!hooks.contains("wrong-password"))
            #expect(try await farm.api.get("/readyz").status == 200)
            #expect(farm.coordinator?.log.contains("wrong-password") == false)
        }
    }
}
