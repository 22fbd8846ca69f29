/// One source of a template: what Packer builds under one name. In JSON templates it is a builder.
public struct TemplateSourceBlock: Sendable, Hashable {
    public struct Setting: Sendable, Hashable {
        public var value: TemplateValue
        public var place: SourcePlace
        /// Byte offsets of the value in its file.
        public var range: Range<Int>
    }

    /// As `-only` and `-except` match it: `qemu`, `image.disk.qemu.debian`; `nil` if it is
    /// computed.
    public var name: String?
    /// `qemu`, `virtualbox-iso` …
    public var type: String
    public var place: SourcePlace
    /// In the file of `place`.
    public var insertion: SettingInsertion
    public var settings: [String: Setting]

    public static let qemu = "qemu"

    /// Whether everything that it makes is on the machine, or is removed when Packer ends.
    public var isLocal: Bool {
        type == Self.qemu || isOtherHypervisor
            || ["null", "file", "docker", "lxc", "lxd", "vagrant"].contains(type)
    }

    /// Whether it needs a hypervisor other than QEMU on the machine.
    public var isOtherHypervisor: Bool {
        ["virtualbox-", "vmware-iso", "vmware-vmx", "parallels-", "hyperv-"]
            .contains(where: type.hasPrefix)
    }
}

extension PackerTemplate {
    /// The sources that Packer builds with these arguments; `nil` if only Packer can tell.
    ///
    /// JSON templates take names, HCL2 templates patterns with `*` and `?`.
    public func selected(only: [String], except: [String]) -> [TemplateSourceBlock]? {
        selection(only: only, except: except).map { $0.map(\.element) }
    }

    func selection(
        only: [String], except: [String]
    ) -> [(offset: Int, element: TemplateSourceBlock)]? {
        guard let sources, sources.allSatisfy({ $0.name != nil }) || only + except == [] else {
            return nil
        }
        return sources.enumerated().filter { _, source in
            guard let name = source.name else { return true }
            return (only.isEmpty || only.contains { matches($0, name) })
                && !except.contains { matches($0, name) }
        }.map { ($0.offset, $0.element) }
    }

    /// Whether a pattern of `-only` names the source.
    public func matches(_ pattern: String, _ name: String) -> Bool {
        guard language == .hcl else { return pattern == name }
        // Sets of letters and alternatives are left to Packer.
        if pattern.contains(where: { "[]{}\\".contains($0) }) { return true }
        return Self.matches(Array(pattern.unicodeScalars)[...], Array(name.unicodeScalars)[...])
    }

    /// Goes back to the last `*` only, so that it takes no more than the product of the lengths.
    private static func matches(
        _ pattern: ArraySlice<Unicode.Scalar>, _ name: ArraySlice<Unicode.Scalar>
    ) -> Bool {
        var pattern = pattern
        var name = name
        var star: (pattern: ArraySlice<Unicode.Scalar>, name: ArraySlice<Unicode.Scalar>)?
        while true {
            if pattern.first == "*" {
                pattern = pattern.dropFirst()
                star = (pattern, name)
            } else if let first = name.first, pattern.first == first || pattern.first == "?" {
                pattern = pattern.dropFirst()
                name = name.dropFirst()
            } else if pattern.isEmpty && name.isEmpty {
                return true
            } else if let last = star, !last.name.isEmpty {
                pattern = last.pattern
                name = last.name.dropFirst()
                star = (pattern, name)
            } else {
                return false
            }
        }
    }
}
