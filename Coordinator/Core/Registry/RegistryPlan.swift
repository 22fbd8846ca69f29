/// What an import would change: the rows of a file compared with the registry. Creating the plan
/// changes nothing.
public struct RegistryPlan: Sendable {
    public struct Count: Sendable, Hashable, Codable {
        public var sheet: String
        public var new = 0
        public var changed = 0
        public var same = 0
    }

    public private(set) var batch: RegistryBatch
    /// One for each sheet of the file.
    public private(set) var counts: [Count] = []
    /// New templates in the file, each of which is read before anything is stored. The position is
    /// where its problem is reported.
    public private(set) var newTemplates: [(guestOS: GuestOS, place: ImportProblem)] = []
    /// Every guest OS of the file, after the import.
    public private(set) var guestOSes: [GuestOS] = []

    private let now: Int64
    private let newID: @Sendable () -> String

    /// - Parameters:
    ///   - newID: a fresh id with each call.
    ///   - template: where the template of a guest OS is that has none in the file.
    public init(
        _ rows: RegistryRows, known: RegistrySnapshot, atMilliseconds now: Int64,
        template: (String) -> TemplateSource, _ problems: inout ImportProblems,
        newID: @escaping @Sendable () -> String
    ) {
        batch = RegistryBatch()
        self.now = now
        self.newID = newID
        for sheet in rows.sheets {
            var count = Count(sheet: sheet.rawValue)
            switch sheet {
            case .envs:
                for row in rows.environments { plan(row, known, &count, &problems) }
            case .guestos:
                for row in rows.guestOSes {
                    plan(row, known.guestOSes[row.name], template, &count, &problems)
                }
            case .testcases: for row in rows.testCases { plan(row, known, &count) }
            }
            counts.append(count)
        }
    }

    private mutating func plan(
        _ row: RegistryRows.GuestOSRow, _ known: GuestOS?, _ home: (String) -> TemplateSource,
        _ count: inout Count, _ problems: inout ImportProblems
    ) {
        let template = row.template?.keepingCredential(of: known?.template)
        var source = template ?? known?.template ?? .missing
        if source == .missing { source = home(row.name) }
        if let ref = row.ref {
            guard case .git(let url, _) = source else {
                var problem = row.place
                problem.why = "is empty; 'ref' needs a Git repository in this column"
                problems.add(problem)
                return
            }
            source = .git(url: url, ref: ref)
        } else if case .git(let url, _) = template, case .git(url, let ref) = known?.template {
            source = .git(url: url, ref: ref)
        }
        // A path belongs to its repository.
        let isSameRepository =
            source.repository != nil
            && source.repository == known?.template.repository
        let given = row.path ?? (isSameRepository ? known?.templatePath : nil) ?? ""
        let path = given.isEmpty ? nil : given
        if row.path != nil, let path, let why = source.problem(ofPath: path) {
            var problem = row.pathPlace
            problem.why = why
            problems.add(problem)
            return
        }
        var guestOS = GuestOS(
            id: known?.id ?? newID(), name: row.name, type: row.type,
            distro: row.distro ?? known?.distro ?? "", version: row.version ?? known?.version ?? "",
            baseISO: row.baseISO ?? known?.baseISO ?? "", template: source,
            templatePath: path,
            variables: row.variables ?? known?.variables ?? [:],
            owner: row.owner ?? known?.owner ?? "default",
            createdMilliseconds: known?.createdMilliseconds ?? now)
        guestOS.isRetired = known?.isRetired ?? false
        guestOS.grants = known?.grants ?? []
        guestOSes.append(guestOS)
        if known == nil {
            count.new += 1
            batch.newGuestOSes.append(guestOS)
        } else if guestOS == known {
            count.same += 1
        } else {
            count.changed += 1
            batch.changedGuestOSes.append(guestOS)
        }
        let isTemplateGiven =
            row.template != nil || row.ref != nil || path != known?.templatePath
        let isTemplateNew =
            source != known?.template || guestOS.templatePath != known?.templatePath
        let areVariablesNew = source != .missing && guestOS.variables != known?.variables ?? [:]
        if isTemplateGiven && isTemplateNew || areVariablesNew {
            newTemplates.append((guestOS, row.place))
        }
    }

    /// A value whose column is missing from the sheet is kept. A new environment releases raw,
    /// public images, as the original AIBuild did.
    private mutating func plan(
        _ row: RegistryRows.EnvironmentRow, _ known: RegistrySnapshot, _ count: inout Count,
        _ problems: inout ImportProblems
    ) {
        let old = known.environments[row.name]
        var settings = OpenStackSettings(
            authURL: row.authURL, project: row.project, username: row.username, format: .raw,
            visibility: .public)
        switch old?.settings {
        case .openstack(let known): settings = known
        case nil: break
        case let other?:
            var problem = row.urlPlace
            problem.why =
                "\(row.name) is an environment of kind \(other.kind.rawValue), and this sheet is "
                + "for OpenStack"
            problems.add(problem)
            return
        }
        settings.authURL = row.authURL
        settings.project = row.project
        settings.username = row.username
        settings.projectDomain = row.projectDomain ?? settings.projectDomain
        settings.userDomain = row.userDomain ?? settings.userDomain
        settings.region = row.region ?? settings.region
        var entry = EnvironmentEntry(
            environment: ReleaseEnvironment(
                id: old?.id ?? newID(), name: row.name, settings: .openstack(settings),
                policy: old?.policy ?? ReleasePolicy(),
                createdMilliseconds: old?.createdMilliseconds ?? now),
            secret: row.password == known.secrets[row.name] ? nil : row.password)
        // A password of the sheet takes the place of a secret that was named.
        entry.environment.secretName = entry.secret == nil ? old?.secretName : nil
        if let why = entry.environment.problem {
            var problem = row.urlPlace
            problem.why = why
            problems.add(problem)
        }
        guard let old else {
            if row.password == nil {
                var problem = row.passwordPlace
                problem.why = "is empty; a new environment needs a password"
                problems.add(problem)
            }
            count.new += 1
            batch.newEnvironments.append(
                EnvironmentEntry(environment: entry.environment, secret: row.password))
            return
        }
        let isMoved =
            SecretDestination(entry.environment.settings) != SecretDestination(old.settings)
        if isMoved, row.password == nil {
            var problem = row.passwordPlace
            problem.why =
                "is empty; the stored password would be sent to another address or for another user"
            problems.add(problem)
        }
        if entry.environment == old && entry.secret == nil {
            count.same += 1
        } else {
            count.changed += 1
            batch.changedEnvironments.append(entry)
        }
    }

    /// The sheet has only name and type, so an existing one cannot change.
    private mutating func plan(
        _ row: RegistryRows.TestCaseRow, _ known: RegistrySnapshot, _ count: inout Count
    ) {
        let isKnown = known.testCases.contains { $0.name == row.name && $0.osType == row.osType }
        if isKnown {
            count.same += 1
        } else {
            count.new += 1
            batch.newTestCases.append(
                TestCase(id: newID(), name: row.name, osType: row.osType))
        }
    }
}

/// The registered guest OSes, test cases and environments.
public struct RegistrySnapshot: Sendable {
    /// By name.
    public var guestOSes: [String: GuestOS] = [:]
    public var testCases: [TestCase] = []
    /// By name.
    public var environments: [String: ReleaseEnvironment] = [:]
    /// By name of the environment; only those that are compared with a file.
    public var secrets: [String: Secret] = [:]

    public init() {}
}
