/// The step of a build that its log is in: what Packer, or the agent, says it begins.
struct BuildStep: Sendable, Hashable {
    private var name: String?
    /// Of the provisioner in the template, from 1; known if one image is built.
    private var provisioner: Int?
    private var detail: String?

    /// The lines that follow the failure.
    private static let ends = [
        "Provisioning step had errors", "Deleting output directory", "Step \"",
    ]
    private static let provisioning = "Provisioning with "
    private static let note = "provisioner "
    private static let states = ["preparing", "building", "hashing"]

    enum Change { case none, begins, ends }

    /// A message of Packer to its user.
    mutating func says(_ message: String) -> Change {
        if Self.ends.contains(where: message.hasPrefix) { return .ends }
        name = message
        detail = nil
        if message.hasPrefix(Self.provisioning) {
            detail = String(message.dropFirst(Self.provisioning.count))
        } else if message.hasPrefix("Uploading ") || message.hasPrefix("Running local shell ") {
            detail = message
        } else {
            provisioner = nil
        }
        return .begins
    }

    /// A message of the agent.
    mutating func notes(_ text: String) -> Change {
        if text.hasPrefix(Self.note) {
            // Comes on another pipe than what Packer says, before it or after it.
            provisioner = Int(text.dropFirst(Self.note.count).prefix { $0 != ":" })
            return .none
        }
        let isResult = text.hasSuffix(" s)")
        let isStep =
            text.hasPrefix("test ") && !isResult || Self.states.contains(where: text.hasPrefix)
        guard isStep else { return .none }
        self = BuildStep()
        if text.hasPrefix("test ") { name = text }
        return .begins
    }

    /// For the beginning of a sentence; `nil` if nothing was said.
    var description: String? {
        guard let detail else {
            return name.map { $0.hasPrefix("test ") ? $0 : "the step \"\($0)\"" }
        }
        let number = provisioner.map { " \($0)" } ?? ""
        // Packer writes `inline` into a file of this name.
        let isInline = detail.contains("/packer-shell")
        return "provisioner\(number) (\(isInline ? "inline shell commands" : detail))"
    }
}
