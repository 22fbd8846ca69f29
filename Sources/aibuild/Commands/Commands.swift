import ArgumentKit

/// Every command, in the order of the help.
enum Commands {
    static let all: [Command] = [
        BuildCommands.all, [FailureCommand.failures], LogCommands.all, [CheckCommand.check],
        GuestOSCommands.all,
        TestCaseCommands.all, ImportCommands.all, HostCommands.all, EnvironmentCommands.all,
        ReleaseCommands.all, SecretCommands.all, DeliveryCommands.all, ScheduleCommands.all,
        NotificationCommands.all, RetentionCommands.all, OutputCommands.all, DatabaseCommands.all,
        UserCommands.all, TokenCommands.all, [AuditCommand.audit], LoginCommands.all,
        SystemCommands.all, [help],
    ].flatMap { $0 }

    /// Never run: the parser handles it. Listed for the overview and the suggestions.
    private static let help = Command(
        name: "help", summary: "Show help for aibuild or a command",
        examples: ["aibuild help host add"],
        run: { _ in .ok })
}
