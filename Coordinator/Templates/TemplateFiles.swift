package import Support

/// The files of a template in its archive, by their paths in the template. Blocks.
package struct TemplateFiles: Sendable {
    /// Of the archive.
    private let path: String
    /// Of the template in the archive; empty or with a slash at its end.
    private let folder: String

    /// - Parameters:
    ///   - path: of the archive.
    ///   - folder: of the template in it; `nil`: its root.
    package init(path: String, folder: String?) {
        self.path = path
        self.folder = folder.map { $0 + "/" } ?? ""
    }

    /// - Parameters:
    ///   - limitBytes: of one file; larger ones are left out.
    ///   - isWanted: by the path in the template.
    /// - Returns: regular files, in the order of the archive.
    /// - Throws: `SystemError` if the archive cannot be read.
    package func read(
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

    /// The beginning of the file, at most one byte more than `limitBytes`; `nil` if there is none.
    /// - Throws: `SystemError` if the archive cannot be read.
    package func content(of name: String, limitBytes: Int) throws(SystemError) -> [UInt8]? {
        let whole = folder + name
        var reader = try TarReader(path)
        while let entry = try reader.next() {
            guard entry.kind == .file, entry.name.utf8.elementsEqual(whole.utf8) else { continue }
            return try reader.content(of: entry, limitBytes: limitBytes + 1)
        }
        return nil
    }

    /// The paths of the files and links for which the condition holds.
    /// - Throws: `SystemError` if the archive cannot be read.
    package func names(where isWanted: (String) -> Bool) throws(SystemError) -> [String] {
        var reader = try TarReader(path)
        var names: [String] = []
        while let entry = try reader.next() {
            guard entry.kind != .folder, let name = inner(entry.name), isWanted(name) else {
                continue
            }
            names.append(name)
        }
        return names
    }

    /// The paths of all entries, of folders without a slash at the end. Not a set: names that Swift
    /// takes for equal may differ.
    /// - Throws: `SystemError` if the archive cannot be read.
    package func names() throws(SystemError) -> [String] {
        var reader = try TarReader(path)
        var names: [String] = []
        while let entry = try reader.next() {
            guard let name = inner(entry.name), !name.isEmpty else { continue }
            names.append(name.hasSuffix("/") ? String(name.dropLast()) : name)
        }
        return names
    }

    private func inner(_ name: String) -> String? {
        name.utf8.starts(with: folder.utf8)
            ? String(name.unicodeScalars.dropFirst(folder.unicodeScalars.count)) : nil
    }
}
