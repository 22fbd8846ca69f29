/// An ISO or disk image that a source of QEMU downloads by itself, and whose SHA-256 it names.
public struct ISOSetting: Sendable, Hashable {
    /// Mirrors of one file, in the order in which they are tried.
    public var urls: [String]
    /// 64 hexadecimal digits, in lower case.
    public var sha256: String
    let source: TemplateSourceBlock
}

extension PackerTemplate {
    private static let isoURL = "iso_url"
    private static let isoURLs = "iso_urls"

    /// The downloads of sources whose address and digest can be read here. All others are left to
    /// Packer.
    ///
    /// - Parameter values: of variables, as they are passed to Packer.
    public func isos(
        of sources: [TemplateSourceBlock], values: [String: String]
    ) -> [ISOSetting] {
        sources.filter { $0.type == TemplateSourceBlock.qemu }.compactMap { source in
            let text = { (value: TemplateValue?) in
                value.flatMap { self.text(of: $0, values, depth: 0) }
            }
            let given: [TemplateValue]
            switch (source.settings[Self.isoURL]?.value, source.settings[Self.isoURLs]?.value) {
            case (let url?, nil): given = [url]
            case (nil, .list(let list)?): given = list
            default: return nil
            }
            let urls = given.compactMap(text)
            guard !urls.isEmpty, urls.count == given.count,
                urls.allSatisfy({ $0.hasPrefix("http://") || $0.hasPrefix("https://") }),
                let sha256 = Self.sha256(
                    text(source.settings["iso_checksum"]?.value) ?? "",
                    type: source.settings["iso_checksum_type"].map { text($0.value) ?? "" })
            else { return nil }
            return ISOSetting(urls: urls, sha256: sha256, source: source)
        }
    }

    /// `sha256:…`, or the digest alone, as Packer takes them.
    private static func sha256(_ checksum: String, type: String?) -> String? {
        var digest = checksum.lowercased()
        if digest.hasPrefix("sha256:") {
            digest = String(digest.dropFirst("sha256:".count))
        } else if let type, type.lowercased() != "sha256" {
            return nil
        }
        return digest.wholeMatch(of: #/[0-9a-f]{64}/#) == nil ? nil : digest
    }

    /// The changes after which the source reads a file instead.
    ///
    /// - Parameter path: without characters that JSON or HCL2 would take for something else.
    public func replacing(_ iso: ISOSetting, with path: String) -> Set<TemplateEdit> {
        var edits: Set<TemplateEdit> = []
        for (name, text) in [(Self.isoURL, "\"\(path)\""), (Self.isoURLs, "[\"\(path)\"]")] {
            guard let setting = iso.source.settings[name] else { continue }
            edits.insert(
                TemplateEdit(file: setting.place.file, range: setting.range, text: text))
        }
        return edits
    }
}
