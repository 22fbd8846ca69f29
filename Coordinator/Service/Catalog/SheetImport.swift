import BuildProtocol
public import CoordinatorCore

/// Registration by spreadsheet: all of a file or nothing of it.
public struct SheetImport: Sendable {
    let ports: Ports
    let store: any CatalogWriter
    let environments: EnvironmentCatalog

    /// - Parameters:
    ///   - name: of the file.
    ///   - only: the sheet that is wanted; also what a text file is.
    ///   - isDryRun: says what would happen, and stores nothing.
    /// - Throws: `SheetFault`, `ImportRefusal`, `WebRootFault`, `StoreError`
    public func run(
        _ bytes: [UInt8], name: String, only: ImportSheet?, isDryRun: Bool, by actor: String
    ) async throws -> ImportReport {
        let file = try await ports.sheets.read(bytes, name: name)
        var problems = ImportProblems(limit: ports.limits.importProblems)
        let rows = RegistryRows(file, only: only, &problems)
        let server = ports.templateServer
        let ids = ports.ids
        var known = try await ports.registrySnapshot()
        for name in rows.environments.map(\.name) where known.environments[name] != nil {
            known.secrets[name] = try await ports.store.secret(ofEnvironment: name)
        }
        let plan = RegistryPlan(
            rows, known: known, atMilliseconds: ports.clock.unixMilliseconds(),
            template: { server?.template(ofGuestOS: $0) ?? .missing }, &problems,
            newID: { ids.randomID() })
        await checkTemplates(plan, &problems)
        guard problems.isEmpty else {
            throw ImportRefusal(problems: problems, notices: rows.notices)
        }
        var report = ImportReport(
            isDryRun: isDryRun, counts: plan.counts, notices: rows.notices + missing(plan))
        report.notices += await check(plan.batch, known)
        if isDryRun { return report }
        for guestOS in plan.batch.newGuestOSes {
            try await ports.webRoot.makeFolder(ofGuestOS: guestOS.name)
        }
        if !plan.batch.isEmpty { try await store.register(plan.batch) }
        let counts = plan.counts.map { "\($0.sheet): \($0.new) new, \($0.changed) changed" }
        try await ports.audit(actor, "import", Names.quoted(name), counts.joined(separator: "; "))
        report.servers = await prepare(plan.guestOSes)
        return report
    }

    /// As at the registration of a single one, each that is new is read; those at the Git server
    /// are made after this.
    private func checkTemplates(_ plan: RegistryPlan, _ problems: inout ImportProblems) async {
        for (guestOS, place) in plan.newTemplates {
            // A file that is wrong all over is not worth a thousand looks at Git servers.
            guard problems.count < ports.limits.importProblems else { return }
            if ports.isAtTemplateServer(guestOS) { continue }
            do { _ = try await ports.templates.plan(for: guestOS) } catch {
                var problem = place
                problem.why = "\(error)"
                problems.add(problem)
            }
        }
    }

    private func check(_ batch: RegistryBatch, _ known: RegistrySnapshot) async -> [String] {
        var notices: [String] = []
        let entries = batch.newEnvironments + batch.changedEnvironments
        for entry in entries.prefix(ports.limits.releaseEnvironments) {
            let name = entry.environment.name
            notices += await environments.notices(
                entry.environment, entry.secret ?? known.secrets[name])
        }
        let others = entries.count - ports.limits.releaseEnvironments
        if others > 0 {
            notices.append("\(others) environments were not checked; see aibuild env check")
        }
        return notices
    }

    private func missing(_ plan: RegistryPlan) -> [String] {
        let names = plan.guestOSes.filter { $0.template == .missing }.map(\.name)
        guard let first = names.first else { return [] }
        let others = names.count > 1 ? " and \(names.count - 1) others" : ""
        return [
            "\(first)\(others): no template is known yet, so nothing can be built; give it in the "
                + "columns 'template' and 'ref', or with aibuild guestos change"
        ]
    }

    private func prepare(_ guestOSes: [GuestOS]) async -> [TemplateServerReport] {
        let end =
            ports.clock.monotonicMilliseconds() + ports.limits.templateServerMilliseconds
        var reports: [TemplateServerReport] = []
        for guestOS in guestOSes where ports.isAtTemplateServer(guestOS) {
            guard ports.clock.monotonicMilliseconds() < end else {
                reports.append(
                    TemplateServerReport(
                        guestOS: guestOS.name,
                        problem: "not looked at, the Git server took too long; do it with "
                            + "aibuild guestos gitlab \(guestOS.name)"))
                continue
            }
            if let report = await ports.prepareTemplate(of: guestOS) { reports.append(report) }
        }
        return reports
    }
}

/// What an import did, or would do.
public struct ImportReport: Sendable {
    public var isDryRun: Bool
    public var counts: [RegistryPlan.Count]
    /// What the person should know although nothing is wrong.
    public var notices: [String]
    /// One for each guest OS whose template is at the Git server.
    public var servers: [TemplateServerReport] = []
}

/// A spreadsheet with something wrong in it: nothing was stored.
public struct ImportRefusal: Error, Sendable {
    public var problems: ImportProblems
    public var notices: [String]
}
