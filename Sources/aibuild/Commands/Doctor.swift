import BuildProtocol

/// Looks at the coordinator, the hosts and the queue, and says what is to be done.
struct Doctor {
    private enum Mark: String {
        case good = "ok   "
        case warning = "warn "
        case bad = "FAIL "

        var colour: Style.Colour {
            switch self {
            case .good: .green
            case .warning: .yellow
            case .bad: .red
            }
        }
    }

    /// A disk fuller than this leaves no room for a large image.
    private static let fullDisk = 0.1

    private let context: CommandContext

    init(_ context: CommandContext) { self.context = context }

    func run() async -> ExitCode {
        do throws(CommandError) { _ = try await context.api.get("/healthz") } catch {
            say(.bad, "the coordinator does not answer", error.message)
            return error.code
        }
        say(.good, "the coordinator answers at \(context.api.url)")
        var isWell = await check("its store and its web root can be used", "/readyz") != nil
        if let body = await check("it takes this program's requests", "/api/v1/version") {
            isWell = version(body) && isWell
        } else {
            return .buildFailed
        }
        isWell = await hosts() && isWell
        isWell = await queue() && isWell
        return isWell ? .ok : .buildFailed
    }

    private func check(_ what: String, _ path: String) async -> [UInt8]? {
        do throws(CommandError) {
            let body = try await context.api.get(path)
            say(.good, what)
            return body
        } catch {
            say(.bad, "not so: \(what)", error.message)
        }
        return nil
    }

    private func version(_ body: [UInt8]) -> Bool {
        guard let answer = try? APIClient.decode(VersionAnswer.self, body) else { return false }
        let mine = ProtocolVersion.current
        guard answer.protocol.split(separator: ".").first == "\(mine.major)" else {
            say(
                .bad, "the coordinator speaks protocol \(answer.protocol), this program \(mine)",
                "install the aibuild of version \(answer.version)")
            return false
        }
        if answer.version != CLI.version {
            say(.warning, "the coordinator is \(answer.version), this program \(CLI.version)")
        }
        return true
    }

    private func hosts() async -> Bool {
        guard let body = await check("it tells of its hosts", "/api/v1/hosts"),
            let hosts = try? APIClient.decode(Page<HostAnswer>.self, body).items
        else { return false }
        if hosts.isEmpty {
            say(.bad, "no host is added", "aibuild host add NAME --address USER@HOST")
            return false
        }
        for host in hosts { look(at: host) }
        guard hosts.contains(where: { $0.shownState == "ready" }) else {
            say(.bad, "no host takes builds", "mend or resume one of those above")
            return false
        }
        return hosts.allSatisfy { $0.state == "ready" }
    }

    private func look(at host: HostAnswer) {
        let name = "host \(host.name)"
        switch host.shownState {
        case "ready":
            say(.good, "\(name) is ready, \(host.running ?? 0) of \(host.slots ?? 0) slots run")
        case "drained": say(.warning, "\(name) is drained", "aibuild host resume \(host.name)")
        case let state: say(.bad, "\(name) is \(state)", host.detail)
        }
        if host.state == "ready", let accelerators = host.accelerators,
            !accelerators.contains("kvm")
        {
            say(
                .warning, "\(name) has no working KVM, so builds there are many times slower",
                "is virtualization on in its firmware, and may the agent open /dev/kvm?")
        }
        if let free = host.diskFreeBytes, let total = host.diskTotalBytes, total > 0,
            Double(free) / Double(total) < Self.fullDisk
        {
            say(.warning, "\(name) has only \(Format.bytes(free)) of disk free")
        }
        if let clock = host.clockNote {
            say(.warning, "the clock of \(name) is \(clock)", "is NTP running there?")
        }
        for notice in host.notices ?? [] { say(.warning, "\(name): \(notice)") }
    }

    private func queue() async -> Bool {
        guard let body = await check("it tells of its queue", "/api/v1/queue"),
            let items = try? APIClient.decode(Page<QueueItemAnswer>.self, body).items
        else { return false }
        // Every build of a kind waits for the same reason: say it once.
        var said: Set<String> = []
        for item in items {
            let summary = item.waiting.summary ?? ""
            guard said.insert(summary).inserted, said.count <= 10 else { continue }
            say(.warning, "\(item.build.label) waits: \(summary)", item.waiting.remedy)
        }
        return true
    }

    private func say(_ mark: Mark, _ text: String, _ remedy: String? = nil) {
        context.console.out(
            context.style.paint(mark.rawValue, mark.colour) + SafeText.line(text) + "\n")
        for line in (remedy ?? "").split(separator: "\n") {
            context.console.out("     → \(SafeText.line(String(line)))\n")
        }
    }
}
