import Support

/// The files of a template in its archive, by their paths in the template. Blocks.
struct TemplateFiles {
    /// Of the archive.
    let path: String
    /// Of the template in the archive; empty or with a slash at its end.
    let folder: String

    /// - Parameters:
    ///   - limitBytes: of one file; larger ones are left out.
    ///   - isWanted: by the path in the template.
    /// - Returns: regular files, in the order of the archive.
    /// - Throws: `SystemError` if the archive cannot be read.
    func read(
        limitBytes: Int, where isWanted: (String) -> Bool
    ) throws(SystemError) -> [(path: String, bytes: [UInt8])] {
        var reader = try TarReader(path)
        var files: [(path: String, bytes: [UInt8])] = []
        while let entry = try reader.next() {
            guard entry.kind == .file, entry.sizeBytes <= Int64(limitBytes),
                let name = inner(entry.name), isWanted(name)
            else { continue }
            files.append((name, try reader.content(of: entry, limitBytes: limitBytes)))
        }
        return files
    }

    /// The paths of all entries, of folders without a slash at the end.
    /// - Throws: `SystemError` if the archive cannot be read.
    func names() throws(SystemError) -> Set<String> {
        var reader = try TarReader(path)
        var names: Set<String> = []
        while let entry = try reader.next() {
            guard let name = inner(entry.name), !name.isEmpty else { continue }
            names.insert(name.hasSuffix("/") ? String(name.dropLast()) : name)
        }
        return names
    }

    private func inner(_ name: String) -> String? {
        name.hasPrefix(folder) ? String(name.dropFirst(folder.count)) : nil
    }
}
