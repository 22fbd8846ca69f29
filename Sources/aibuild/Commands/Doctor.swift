import ArgumentKit
import BuildProtocol
import FoundationEssentials
import TextKit

/// Checks the coordinator, the hosts and the queue, and says what to do about each problem.
struct Doctor {
    private struct Finding: Encodable {
        var mark: Mark
        var finding: String
        var remedy: String?
    }

    private struct Report: Encodable {
        var ok: Bool
        var findings: [Finding]
    }

    private typealias Mark = HostFindings.Mark

    private let context: CommandContext
    private var findings: [Finding] = []
    private var coordinatorVersion: String?

    init(_ context: CommandContext) { self.context = context }

    mutating func run() async throws -> ExitCode {
        let code = await examine()
        if context.wantsJSON {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            context.printJSON(
                Array(try encoder.encode(Report(ok: code == .ok, findings: findings))))
        }
        return code
    }

    private mutating func examine() async -> ExitCode {
        do throws(CommandError) { _ = try await context.api.get("/healthz") } catch {
            say(.bad, "The coordinator is unreachable", error.message)
            return error.code
        }
        say(.good, "The coordinator responds at \(context.api.url)")
        var isWell =
            await check(
                "Its store and web root are usable", orElse: "It is not ready", "/readyz") != nil
        if let body = await check(
            "It accepts requests of this program", orElse: "It refuses requests of this program",
            "/api/v1/version")
        {
            isWell = version(body) && isWell
        } else {
            return .buildFailed
        }
        if !context.arguments.operands.isEmpty { return await named() ? .ok : .buildFailed }
        isWell = await setup() && isWell
        isWell = await storage() && isWell
        isWell = await hosts() && isWell
        isWell = await queue() && isWell
        return isWell ? .ok : .buildFailed
    }

    private mutating func check(
        _ what: String, orElse otherwise: String, _ path: String
    ) async -> [UInt8]? {
        do throws(CommandError) {
            let body = try await context.api.get(path)
            say(.good, what)
            return body
        } catch {
            say(.bad, otherwise, error.message)
        }
        return nil
    }

    private mutating func version(_ body: [UInt8]) -> Bool {
        guard let answer = try? APIClient.decode(VersionAnswer.self, body) else { return false }
        coordinatorVersion = answer.version
        let mine = ProtocolVersion.current
        guard answer.protocol.split(separator: ".").first == "\(mine.major)" else {
            say(
                .bad,
                "Protocol mismatch: the coordinator has \(answer.protocol), this program \(mine)",
                "Install aibuild \(answer.version)")
            return false
        }
        if answer.version != CLI.version {
            say(
                .warning,
                "Versions differ: the coordinator is \(answer.version), this program \(CLI.version)"
            )
        }
        return true
    }

    /// An older coordinator does not report it.
    private mutating func setup() async -> Bool {
        guard let body = try? await context.api.get("/api/v1/setup"),
            let setup = try? APIClient.decode(SetupAnswer.self, body)
        else { return true }
        for item in setup.problems {
            say(item.isGuess == true ? .warning : .bad, item.problem, item.remedy)
        }
        if let provider = setup.signIn { say(of: provider) }
        return setup.problems.allSatisfy { $0.isGuess == true }
    }

    /// Users of the coordinator's own sign in without it.
    private mutating func say(of provider: SetupAnswer.SignIn) {
        let reached = provider.reachedAt.map { "last answered at \(Format.time($0))" }
        guard let problem = provider.problem else {
            return say(
                .good,
                "Sign-in by \(provider.label): it "
                    + (reached ?? "was not needed since the coordinator started"))
        }
        let time = provider.problemAt.map { " (\(Format.time($0)))" } ?? ""
        say(
            .warning,
            "Sign-in by \(provider.label) does not work: \(problem)\(time); it "
                + (reached ?? "has not answered since the coordinator started"),
            "On the coordinator's machine: aibuild-coordinator check-config")
    }

    /// An older coordinator does not report it.
    private mutating func storage() async -> Bool {
        guard let body = try? await context.api.get("/api/v1/storage"),
            let storage = try? APIClient.decode(StorageAnswer.self, body)
        else { return true }
        let sizes = (storage.growing ?? []).map { data in
            "\(data.id) \(data.items)" + (data.bytes.map { ", \(Format.bytes($0))" } ?? "")
        }
        if let measured = storage.measuredAt, !sizes.isEmpty {
            say(.good, "Stored at \(measured): \(sizes.joined(separator: "; "))")
        }
        for row in storage.unusableRows {
            say(
                .bad, "The row '\(row.id)' of the table \(row.table) cannot be used: \(row.reason)",
                "If a newer aibuild wrote it, upgrade the coordinator. Otherwise repair the row, "
                    + "or restore the database from a backup, then restart the coordinator")
        }
        return webRoot(storage.webRootFreeBytes) && storage.unusableRows.isEmpty
    }

    /// What a build without `requirements: disk` reserves on the web root: with less, hardly any
    /// build can start.
    private static let buildBytes = Requirements().diskBytes

    private mutating func webRoot(_ freeBytes: Int64?) -> Bool {
        guard let freeBytes else { return true }
        let room = "The web root has \(Format.bytes(freeBytes)) free"
        let remedy =
            "Free space on its disk: aibuild retention --dry-run shows what a retention policy "
            + "would remove"
        if freeBytes < Self.buildBytes {
            say(
                .bad,
                "\(room); a build needs as much as its template's requirements: disk, "
                    + "\(Format.bytes(Self.buildBytes)) by default", remedy)
            return false
        }
        if freeBytes < 10 * Self.buildBytes {
            say(.warning, room, remedy)
        } else {
            say(.good, room)
        }
        return true
    }

    private mutating func hosts() async -> Bool {
        guard
            let body = await check(
                "It lists its hosts", orElse: "It cannot list its hosts", "/api/v1/hosts"),
            let hosts = try? APIClient.decode(Page<HostAnswer>.self, body).items
        else { return false }
        if hosts.isEmpty {
            say(.bad, "No hosts", "Add one: aibuild host add NAME --address USER@HOST")
            return false
        }
        for host in hosts { look(at: host) }
        let open = hosts.filter { $0.shownState == "ready" && $0.slots != 0 }
        guard !open.isEmpty else {
            say(.bad, "No host accepts builds", "Fix or resume one of the hosts above")
            return false
        }
        return hosts.allSatisfy { $0.state == "ready" && $0.slots != 0 }
    }

    /// The hosts that were named.
    private mutating func named() async -> Bool {
        var isWell = true
        for name in context.arguments.operands {
            do {
                let host = try APIClient.decode(
                    HostAnswer.self, try await context.api.get(HostCommands.path(name)))
                let (isSeen, found) = await HostInspection(context: context, host: host).run()
                look(at: host, inDetail: true, isSeen: isSeen)
                for finding in found { say(finding.mark, finding.text, finding.remedy) }
                isWell =
                    isWell && host.state == "ready" && host.slots != 0
                    && found.allSatisfy { $0.mark != .bad }
            } catch {
                let words = (error as? CommandError)?.message ?? "\(error)"
                say(.bad, "Host \(name) cannot be looked at", words)
                isWell = false
            }
        }
        return isWell
    }

    private mutating func look(
        at host: HostAnswer, inDetail: Bool = false, isSeen: Bool = false
    ) {
        let looked = HostFindings(host: host, coordinatorVersion: coordinatorVersion)
        for (mark, text, remedy) in looked.all(inDetail: inDetail, isSeen: isSeen) {
            say(mark, text, remedy)
        }
    }

    private mutating func queue() async -> Bool {
        guard
            let body = await check(
                "It lists its queue", orElse: "It cannot list its queue", "/api/v1/queue"),
            let items = try? APIClient.decode(Page<QueueItemAnswer>.self, body).items
        else { return false }
        // Similar builds wait for the same reason, which is reported once.
        var said: Set<String> = []
        for item in items {
            let summary = item.waiting.summary ?? ""
            guard said.insert(summary).inserted, said.count <= 10 else { continue }
            say(.warning, "Build \(item.build.label) is waiting: \(summary)", item.waiting.remedy)
        }
        return true
    }

    private mutating func say(_ mark: Mark, _ text: String, _ remedy: String? = nil) {
        findings.append(Finding(mark: mark, finding: text, remedy: remedy))
        if context.wantsJSON { return }
        context.console.out(
            context.style.paint(mark.label.padded(5), mark.colour) + SafeText.line(text) + "\n")
        for line in (remedy ?? "").lines {
            context.console.out("     → \(SafeText.line(String(line)))\n")
        }
    }
}
