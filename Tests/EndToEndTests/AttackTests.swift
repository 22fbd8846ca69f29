import struct CoordinatorCore.GrowingData
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// One farm under every kind of attack of docs/security.md, one after the other, as strangers
/// would attack it: through templates, the port of the API, and builds. Other suites attack each
/// part in more ways.
@Suite(.timeLimit(.minutes(5))) struct AttackTests {
    @Test("A farm refuses every kind of attack, and an honest build passes after each")
    func farmBuildsOn() async throws {
        let attacks: [(kind: String, run: (Farm) async throws -> Void)] = [
            ("numbers", numbers), ("a hostile build", hostileBuild), ("requests", requests),
            ("texts", texts), ("bounds", bounds), ("stubborn builds", stubbornBuilds),
            ("growth", growth), ("secrets", secrets), ("release rights", releaseRights),
        ]
        try await withFarm { farm in
            try await farm.script("honest", Scripts.image())
            var count = 0
            for attack in attacks {
                try await attack.run(farm)
                let build = try await farm.api.end(of: try await farm.api.submit("honest"))
                #expect(build.state == "passed", "after \(attack.kind): \(build)")
                #expect(build.number == count + 1, "\(attack.kind) submitted a build")
                count = build.number
            }
            #expect(try await farm.api.host("kvm0").running == 0)
        }
    }

    private func expect(
        _ status: Int, _ words: String, _ answer: HTTPAnswer,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let text = FarmClient.text(answer)
        #expect(answer.status == status, "\(text)", sourceLocation: sourceLocation)
        #expect(text.contains(words), "\(text)", sourceLocation: sourceLocation)
    }

    /// Characters next to a hostile one may join it, so texts are compared by bytes.
    private func has(_ bytes: [UInt8], _ text: String) -> Bool {
        bytes.firstRange(of: Array(text.utf8)) != nil
    }

    private func build(_ farm: Farm, _ json: String) async throws -> HTTPAnswer {
        try await farm.api.send("POST", "/api/v1/builds", json: json)
    }

    // MARK: Numbers

    private func numbers(_ farm: Farm) async throws {
        try await farm.script("numbers", "true")
        for (yaml, words) in [
            ("tests: {disk: 9223372036854775807B, cases: [{name: a, builtin: boot}]}", "a size"),
            ("requirements: {memory: 9223372036854775807B}", "a size"),
            ("requirements: {vcpus: 9223372036854775807}", "vcpus"),
            ("limits: {total: 9223372036854775807s}", "a duration"),
            ("limits: {total: 8d}", "1s to 7d"), ("limits: {silence: 0s}", "1s to 7d"),
        ] {
            _ = try farm.writeScript("numbers", "true", yaml: yaml + "\n")
            expect(422, words, try await build(farm, #"{"guestOS":"numbers"}"#))
        }
        let most = Int64.max
        expect(400, "1 to 500", try await farm.api.get("/api/v1/builds?limit=\(most)"))
        expect(
            400, "priority", try await build(farm, #"{"guestOS":"honest","priority":\#(most)}"#))
        for number in ["-9223372036854775809", "1e999", "99999999999999999999"] {
            expect(
                400, "", try await build(farm, #"{"guestOS":"honest","priority":\#(number)}"#))
        }
    }

    // MARK: Isolation

    /// Tries to reach what is not its own, then stops its parent.
    private func hostileScript(_ farm: Farm, _ neighbour: String) throws -> String {
        let host = farm.hosts[0]
        let root = host.stateFolder
        let cached = try Files.list("\(root)/templates").map { "\(root)/templates/\($0)" }
        #expect(!cached.isEmpty)
        let closed =
            cached + [
                "\(root)/agent.sock", "\(root)/epoch", "\(root)/attempts/\(neighbour)",
                host.configPath, host.ssh.folder, farm.configPath, "\(farm.stateFolder)/api.token",
            ]
        for path in closed { #expect(Files.exists(path), "\(path) could not be reached") }
        return """
            for path in \(closed.joined(separator: " ")); do
                if [ -e $path ]; then echo "reached $path"; fi
            done
            for folder in "$HOME/.ssh" \(host.ssh.folder); do
                { mkdir -p $folder && echo "ssh-ed25519 AAAA" >> $folder/authorized_keys
                } 2>/dev/null || true
            done
            for address in \((["10.0.2.2"] + Namespaces.ownAddresses()).joined(separator: " ")); do
                timeout 3 bash -c "exec 3<>/dev/tcp/$address/\(farm.port)
                    printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3
                    grep -q 'ready.:true' <&3" 2>/dev/null && echo "reached $address" &
            done
            wait
            for process in /proc/[0-9]*; do
                line=$(tr '\\0' ' ' < $process/cmdline) || continue
                case $line in *\\ supervise\\ *|*\\ daemon\\ *) echo "reached $line";; esac
            done
            echo "tried all"
            kill -STOP $PPID
            kill -STOP 1
            while :; do sleep 1000; done
            """
    }

    private func hostileBuild(_ farm: Farm) async throws {
        let keys = farm.hosts[0].ssh.folder + "/authorized_keys"
        let before = try Files.read(keys, limitBytes: 1 << 20)
        try await farm.script(
            "neighbour", "echo begun; \(Scripts.gate(farm, "neighbour")); \(Scripts.image())")
        let neighbour = try await farm.api.submit("neighbour")
        try await farm.api.logs(neighbour, "begun")
        let attempt = try #require(try await farm.api.build(neighbour.id).attempt)

        try await farm.script("hostile", try hostileScript(farm, attempt))
        let hostile = try await farm.api.submit("hostile")
        try await farm.api.logs(hostile, "tried all")
        let log = String(decoding: try await farm.api.log(hostile), as: UTF8.self)
        #expect(!log.contains("reached"), "\(log)")
        _ = try await farm.api.cancel(hostile)
        let ended = try await farm.api.end(of: hostile)
        #expect(ended.state == "cancelled", "\(ended)")
        #expect(try Files.read(keys, limitBytes: 1 << 20) == before)
        try farm.open("neighbour")
        #expect(try await farm.api.end(of: neighbour).state == "passed")
    }

    // MARK: Requests

    /// Sends bytes that no HTTP client would send.
    /// - Returns: everything until the server closes the connection.
    private func raw(_ farm: Farm, _ request: String) async throws -> String {
        let script =
            #"exec 3<>/dev/tcp/127.0.0.1/$0; printf %s "$1" >&3; exec timeout 60 cat <&3"#
        let output = try await Command(
            ["/bin/bash", "-c", script, "\(farm.port)", request],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(output.status.isSuccess, "the connection stays open: \(request)")
        return output.stdoutText
    }

    private func requests(_ farm: Farm) async throws {
        let token = "Authorization: Bearer \(farm.token ?? "")"
        let body = #"{"guestOS":"honest"}"#
        let host = "Host: 127.0.0.1:\(farm.port)"
        let length = "Content-Length: \(body.utf8.count)"
        for (headers, status, words) in [
            ([host, length], 401, "Nobody is signed in"),
            ([host, length, token.dropLast() + "x"], 401, "has expired or was revoked"),
            (["Host: evil.example", length, token], 421, "is not known as 'evil.example'"),
            (
                [host, length, token, "Origin: http://evil.example"], 403,
                "sent by a page of http://evil.example"
            ),
            ([host, length, token, "Sec-Fetch-Site: cross-site"], 403, "a page of another site"),
            ([host, length, "Content-Length: 2", token], 400, "Content-Length headers"),
            ([host, length, "Transfer-Encoding: chunked", token], 400, "where its body ends"),
            ([length, token], 400, "has 0 Host headers"),
            ([host, host, length, token], 400, "has 2 Host headers"),
        ] {
            let type = ["Content-Type: application/json", "Connection: close"]
            let head = ["POST /api/v1/builds HTTP/1.1"] + headers + type
            let answer = try await raw(farm, head.joined(separator: "\r\n") + "\r\n\r\n" + body)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(headers): \(answer)")
            #expect(answer.contains(words), "\(answer)")
        }
    }

    // MARK: Texts

    private func texts(_ farm: Farm) async throws {
        let script = "\u{0600}<script>alert(1)</script>"
        try await farm.script(
            "texts",
            #"""
            printf 'a\r\r\nevent: stopped\rdata: x\n\033]0;owned\007\n'
            printf '\330\200<script>alert(1)</script>\033]0;owned\007\n' >&2
            exit 1
            """#,
            yaml: "image: disk.raw\ntests: {login: {user: root, cloud_init: true}, cases: "
                + "[{name: \"\\u0600<script>alert(1)</script>\", builtin: boot}]}\n")
        let answer = try await build(
            farm, #"{"guestOS":"texts","reason":\#(FarmClient.quoted(script))}"#)
        try #require((200..<300).contains(answer.status), "\(FarmClient.text(answer))")
        let ended = try await farm.api.end(of: try FarmClient.decode(FarmBuild.self, answer))
        #expect(ended.fault?.code == "command.failed", "\(ended)")

        for path in ["/builds/\(ended.id)", "/", "/releases"] {
            let page = try await farm.api.get(path).body
            #expect(!has(page, "\u{0600}<") && !has(page, "<script>alert"), "\(path)")
            #expect(!page.contains(0x1B) && !page.contains(0x07), "\(path)")
        }
        let page = try await farm.api.get("/builds/\(ended.id)").body
        let shown = "\u{0600}&lt;script&gt;alert(1)"
        #expect(has(page, "<li>" + shown), "the test case")
        #expect(has(page, "<dd>" + shown), "the reason of the submission")

        // Of a build that has ended, the stream ends.
        let stream = try await farm.api.get("/api/v1/builds/\(ended.id)/events")
        #expect(stream.headers["Content-Type"]?.hasPrefix("text/event-stream") == true)
        #expect(stream.headers["X-Content-Type-Options"] == "nosniff")
        #expect(has(stream.body, "event: stopped"), "the log has it")
        #expect(stream.body.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
        for line in stream.body.split(separator: 0x0A) where line.starts(with: "event:".utf8) {
            let name = String(decoding: line.dropFirst(7), as: UTF8.self)
            #expect(["log", "state", "end"].contains(name))
        }
        let printed = try await farm.aibuild(["logs", "texts:1"])
        #expect(has(Array(printed.out.utf8), "<script>"), "\(printed)")
        #expect(!(printed.out + printed.err).utf8.contains { [0x07, 0x0D, 0x1B].contains($0) })
    }

    // MARK: Bounds

    private func bounds(_ farm: Farm) async throws {
        let rules = (0...64).map { "{files: a\($0), kind: other}" }.joined(separator: ", ")
        let folder = try farm.writeScript("rules", "true", yaml: "artifacts: [\(rules)]\n")
        expect(
            422, "expected 1 to 64 entries",
            try await farm.api.register(guestOS: "rules", folder: folder))

        var builds: [(build: FarmBuild, words: String)] = []
        for (name, script, words) in [
            ("many", "for i in $(seq 65); do echo x > \"$AIBUILD_OUTPUT/f$i\"; done", "65 files"),
            (
                "long",
                "cd \"$AIBUILD_OUTPUT\"; echo x > disk.raw; "
                    + "echo x > $(head -c 250 /dev/zero | tr '\\0' n)", "at most 255"
            ),
            ("talk", "head -c 300000 /dev/zero | tr '\\0' r >&2; exit 1", "rrr"),
        ] {
            try await farm.script(name, script)
            builds.append((try await farm.api.submit(name), words))
        }
        for (build, words) in builds {
            let ended = try await farm.api.end(of: build)
            let reason = ended.fault?.reason ?? ""
            #expect(ended.state == "failed" && ended.fault?.class == "template", "\(ended)")
            #expect(reason.contains(words) && reason.utf8.count <= 8 << 10, "\(reason)")
            #expect(ended.attempts?.count == 1, "it is not retried")
        }
    }

    /// They take every slot of the farm.
    private func stubbornBuilds(_ farm: Farm) async throws {
        try await farm.script(
            "stubborn",
            """
            trap '' INT TERM HUP
            setsid sh -c 'trap "" INT TERM HUP; while :; do sleep 1000; done' &
            echo begun
            while :; do sleep 1000; done
            """)
        let builds = [
            try await farm.api.submit("stubborn"), try await farm.api.submit("stubborn"),
        ]
        for build in builds { try await farm.api.logs(build, "begun") }
        for build in builds { _ = try await farm.api.cancel(build) }
        for build in builds { #expect(try await farm.api.end(of: build).state == "cancelled") }
        try await eventually("no process is left") { farm.buildProcesses().isEmpty }
    }

    // MARK: Growth

    private func growth(_ farm: Farm) async throws {
        let folder = try farm.writeScript("grown", "true")
        for _ in 0..<20 {
            #expect(try await farm.api.register(guestOS: "grown", folder: folder).status == 201)
            #expect(try await farm.api.send("DELETE", "/api/v1/guestos/grown").status == 200)
        }
        let metrics: String = try await eventually("everything was measured") {
            let text = FarmClient.text(try await farm.api.get("/metrics"))
            return text.contains("aibuild_stored_items") ? text : nil
        }
        let storage = FarmClient.text(try await farm.api.get("/api/v1/storage"))
        for data in GrowingData.all {
            let line = "aibuild_stored_items{kind=\"\(data.id)\"} "
            #expect(metrics.contains(line), "\(data.id): \(metrics)")
            #expect(storage.contains("\"rule\":\"\(data.rule)\""), "\(data.id): \(storage)")
        }
    }

    // MARK: Secrets and release rights

    private func secrets(_ farm: Farm) async throws {
        let leaked = try await farm.api.send(
            "POST", "/api/v1/guestos",
            json: #"{"name":"git","type":"linux","template":{"kind":"git","ref":"main","#
                + #""url":"https://bob:s3cret@git.example.org/a.git"}}"#)
        expect(400, "contains a user name or password", leaked)
        #expect(!has(leaked.body, "s3cret"))

        let folder = try farm.writeScript("link", "true")
        try await farm.shell("ln -s ../../coordinator.yml \(folder)/notes")
        expect(
            422, "which leads out of it",
            try await farm.api.register(guestOS: "link", folder: folder))

        let build = try await farm.api.build("honest:1")
        let image = try #require(build.image)
        let stranger = FarmClient(base: farm.api.base)
        let published = try await stranger.get("/" + image.path)
        #expect(published.status == 200)
        #expect(published.headers["X-Content-Type-Options"] == "nosniff")
        #expect(published.headers["Content-Security-Policy"] == "sandbox")
        let place = Files.folder(of: image.path)
        let logs = try Files.list("\(farm.webRoot)/\(place)").filter { $0.hasSuffix(".ndjson") }
        #expect(!logs.isEmpty)
        for log in logs {
            expect(401, "Nobody is signed in", try await stranger.get("/\(place)/\(log)"))
            #expect(try await farm.api.get("/\(place)/\(log)").status == 200)
        }
    }

    private func releaseRights(_ farm: Farm) async throws {
        // Nothing listens there: a release that was admitted would fail, not be refused.
        try await farm.addCloud("lab", keystone: "http://127.0.0.1:9/v3")
        let own = "release: {to: [lab], when: manual}\n"
        let stolen = "release: {to: [lab], when: manual, name: honestx86_64}\n"
        let folder = try farm.writeScript("thief", Scripts.image(), yaml: stolen)
        expect(
            409, "its policy allows images thiefx86_64.",
            try await farm.api.register(guestOS: "thief", folder: folder))
        let allowed = try await farm.api.send(
            "PUT", "/api/v1/environments/lab",
            json: #"{"name":"lab","policy":{"images":["*"]},"unchecked":true}"#)
        #expect(allowed.status == 200, "\(FarmClient.text(allowed))")
        let words = "belongs to guest OS honest"
        expect(409, words, try await farm.api.register(guestOS: "thief", folder: folder))
        // A template can change after its registration.
        try await farm.script("thief", Scripts.image(), yaml: own)
        _ = try farm.writeScript("thief", Scripts.image(), yaml: stolen)
        let ended = try await farm.api.end(of: try await farm.api.submit("thief"))
        #expect(ended.state == "passed", "\(ended)")
        expect(
            409, words,
            try await farm.api.send(
                "POST", "/api/v1/releases",
                json: #"{"build":"\#(ended.id)","environments":["lab"]}"#))
    }
}
