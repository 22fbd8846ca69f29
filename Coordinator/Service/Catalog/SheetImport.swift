import BuildProtocol
public import CoordinatorCore

/// Registers what a spreadsheet lists: all of it, or nothing.
public struct SheetImport: Sendable {
    let ports: Ports
    let store: any CatalogWriter
    let environments: EnvironmentCatalog
    let schedules: Schedules

    /// - Parameters:
    ///   - name: of the file.
    ///   - only: the sheet to import; for a text file, the sheet that it holds.
    ///   - isDryRun: reports what would happen, and stores nothing.
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
            known.secrets[name] = try await EnvironmentPassword(ports: ports).known(ofNamed: name)
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
        let counts = plan.counts.map { "\($0.sheet): \($0.new) new, \($0.changed) changed" }
        let summary = ports.auditEntry(
            actor, "import", Names.quoted(name), counts.joined(separator: "; "))
        try await store.recording(entries(of: plan.batch, since: known, by: actor) + [summary])
            .register(plan.batch)
        if !plan.batch.isEmpty { await schedules.catalogChanged() }
        report.servers = await prepare(plan.guestOSes)
        return report
    }

    /// A row for each item, as if it was registered by itself.
    private func entries(
        of batch: RegistryBatch, since known: RegistrySnapshot, by actor: String
    ) -> [AuditEntry] {
        func entry(_ action: String, _ name: String, _ words: String) -> AuditEntry {
            ports.auditEntry(actor, action, name, words)
        }
        var entries = batch.newGuestOSes.map { entry("guestos.add", $0.name, $0.auditFields.words) }
        for guestOS in batch.changedGuestOSes {
            guard let old = known.guestOSes[guestOS.name] else { continue }
            entries.append(
                entry(
                    "guestos.change", guestOS.name,
                    guestOS.auditFields.words(since: old.auditFields)))
        }
        for new in batch.newEnvironments {
            let words = new.environment.auditFields(password: new.secret).words
            entries.append(entry("env.add", new.environment.name, words))
        }
        for changed in batch.changedEnvironments {
            let environment = changed.environment
            guard let old = known.environments[environment.name] else { continue }
            let words = environment.auditWords(since: old, password: changed.secret)
            entries.append(entry("env.change", environment.name, words))
        }
        return entries
            + batch.newTestCases.map { entry("testcase.add", $0.name, $0.auditFields.words) }
    }

    /// Reads each new template, as a single registration does. Those on the Git server are created
    /// afterwards.
    private func checkTemplates(_ plan: RegistryPlan, _ problems: inout ImportProblems) async {
        for (guestOS, place) in plan.newTemplates {
            // A file full of errors does not justify a thousand requests to Git servers.
            guard problems.count < ports.limits.importProblems else { return }
            if ports.isAtTemplateServer(guestOS) { continue }
            var problem = place
            do {
                let plan = try await ports.templates.plan(for: guestOS)
                guard let why = try await ports.refusal(of: plan.release, guestOS: guestOS.name)
                else { continue }
                problem.why = why
            } catch { problem.why = "\(error)" }
            problems.add(problem)
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
            "\(first)\(others): no template is known yet, so nothing can be built; set it in the "
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
                        problem: "skipped because the Git server took too long; run "
                            + "aibuild guestos gitlab \(guestOS.name)"))
                continue
            }
            if let report = await ports.prepareTemplate(of: guestOS) { reports.append(report) }
        }
        return reports
    }
}

/// The result of an import or of a dry run.
public struct ImportReport: Sendable {
    public var isDryRun: Bool
    public var counts: [RegistryPlan.Count]
    /// Remarks about a file that is correct.
    public var notices: [String]
    /// One for each guest OS whose template is on the Git server.
    public var servers: [TemplateServerReport] = []
}

/// A spreadsheet with errors: nothing was stored.
public struct ImportRefusal: Error, Sendable {
    public var problems: ImportProblems
    public var notices: [String]
}
