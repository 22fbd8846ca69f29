/// One provisioner of a template, as far as it tells what Packer says when it begins.
public struct ProvisionerBlock: Sendable, Hashable {
    public var type: String
    /// Files that it runs or uploads, each of which Packer announces; `nil` if only Packer can
    /// tell.
    public var files: Int?

    /// Settings that list such files.
    static let lists = ["scripts", "sources"]
    /// Settings that leave it out for some sources.
    static let conditions = ["only", "except"]

    public init(type: String, files: Int?) {
        self.type = type
        self.files = files
    }

    /// - Parameter lists: the values of `lists` that are there.
    init(type: String, lists: [TemplateValue]) {
        self.type = type
        files = 1
        for list in lists {
            guard case .list(let items) = list else {
                files = nil
                return
            }
            files = max(1, items.count)
        }
    }
}

/// Which provisioner of a template Packer begins, by what it says.
public struct ProvisionerSteps: Sendable {
    private let provisioners: [ProvisionerBlock]
    private var current: Int?
    private var rest = 0

    /// What Packer says, and the types that say it.
    private static let announcements: [(words: String, types: [String])] = [
        ("Provisioning with shell script", ["shell", "windows-shell"]),
        ("Running local shell script", ["shell-local"]), ("Uploading ", ["file"]),
        ("Provisioning with powershell script", ["powershell"]),
        ("Provisioning with Ansible", ["ansible", "ansible-local"]),
        ("Restarting Machine", ["windows-restart"]),
        ("Provisioning with Puppet", ["puppet-masterless"]),
        ("Provisioning with chef", ["chef-client", "chef-solo"]),
        ("Provisioning with Salt", ["salt-masterless"]),
    ]

    public init(_ provisioners: [ProvisionerBlock]) { self.provisioners = provisioners }

    /// - Returns: the number of the provisioner, from 1; `nil` if the message begins none, or which
    ///   one is not known.
    public mutating func begins(_ message: String) -> Int? {
        guard let types = Self.announcements.first(where: { message.hasPrefix($0.words) })?.types
        else { return nil }
        if let current, rest > 0, types.contains(provisioners[current].type) {
            rest -= 1
            return current + 1
        }
        let next = (current ?? -1) + 1
        guard let found = provisioners[next...].firstIndex(where: { types.contains($0.type) }),
            // Where one of them ends is not known, so the rest would be guesses.
            provisioners[next..<found].allSatisfy({ $0.files != nil }),
            current.map({
                provisioners[$0].files != nil
            }) ?? true
        else { return nil }
        current = found
        rest = (provisioners[found].files ?? 1) - 1
        return found + 1
    }
}
