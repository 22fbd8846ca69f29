import CLinux
import Glibc

/// File operations with descriptive errors, and durable replacement.
public enum Files {
    public enum Kind: Sendable { case file, folder, link, other }

    /// The kind of `path` itself (a link is not followed), or `nil` if it does not exist.
    public static func kind(_ path: String) -> Kind? {
        var info = stat()
        guard lstat(path, &info) == 0 else { return nil }
        switch info.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFLNK: return .link
        default: return .other
        }
    }

    /// The folder above a path that this process may not enter, so that it cannot tell whether the
    /// path exists; `nil` if there is none.
    public static func closedFolder(above path: String) -> String? {
        var info = stat()
        guard lstat(path, &info) != 0, errno == EACCES else { return nil }
        var place = path
        while place != "/", lstat(place, &info) != 0, errno == EACCES { place = folder(of: place) }
        return place
    }

    /// The permission bits of a file, or of what a link leads to.
    public static func mode(_ path: String) -> UInt32? {
        var info = stat()
        return stat(path, &info) == 0 ? info.st_mode & 0o7777 : nil
    }

    public static func exists(_ path: String) -> Bool { kind(path) != nil }

    public static func sizeBytes(_ path: String) -> Int64? {
        var info = stat()
        return stat(path, &info) == 0 ? Int64(info.st_size) : nil
    }

    /// Modification time, in nanoseconds since 1970; distinguishes two files of one name.
    public static func modifiedNanoseconds(_ path: String) -> Int64? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
    }

    /// Sets the modification time to the current time, if the path exists and may be changed.
    public static func touch(_ path: String) { utimensat(AT_FDCWD, path, nil, 0) }

    /// Changes whenever the file is written, replaced or renamed: inode, size, modification times.
    public static func stamp(_ path: String) -> String? {
        var info = stat()
        guard lstat(path, &info) == 0 else { return nil }
        return "\(info.st_ino) \(info.st_size) \(info.st_mode) \(info.st_mtim.tv_sec)"
            + ".\(info.st_mtim.tv_nsec) \(info.st_ctim.tv_sec).\(info.st_ctim.tv_nsec)"
    }

    /// The whole file, at most `limitBytes`.
    public static func read(_ path: String, limitBytes: Int) throws(SystemError) -> [UInt8] {
        let file = try Descriptor(path, O_RDONLY)
        let size = try file.sizeBytes()
        guard size <= limitBytes else { throw SystemError(errno: EFBIG, "cannot read \(path)") }
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
        defer { buffer.deallocate() }
        while bytes.count <= limitBytes {
            let count = try file.read(into: buffer)
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
        throw SystemError(errno: EFBIG, "cannot read \(path)")
    }

    /// The whole file; `nil` if it has more than `limitBytes`.
    public static func readIfBounded(
        _ path: String, limitBytes: Int
    ) throws(SystemError) -> [UInt8]? {
        do throws(SystemError) { return try read(path, limitBytes: limitBytes) } catch {
            guard error.errno == EFBIG else { throw error }
            return nil
        }
    }

    /// Replaces `path` so that a reader, or a machine after a power failure, sees the old content
    /// or the new and never a part: temporary file beside it, fsync, rename, fsync of the folder.
    /// The temporary file is hidden and ends in `.part`, so that a sweep recognizes it.
    public static func replace(
        _ path: String, with bytes: some Collection<UInt8>, mode: Int32 = 0o644
    ) throws(SystemError) {
        let chance = UInt32.random(in: .min ... .max)
        let temporary = "\(folder(of: path))/.\(name(of: path)).\(getpid())-\(chance).part"
        do throws(SystemError) {
            let file = try Descriptor(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try file.writeAll(Array(bytes))
            try file.sync()
            try rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw SystemError(errno: error.errno, "cannot write \(path)")
        }
    }

    /// Creates `path` with all of its content, durably, unless anything has that name already: a
    /// link that somebody left there is neither followed nor replaced.
    /// - Returns: whether it was created.
    @discardableResult
    public static func create(
        _ path: String, with bytes: some Collection<UInt8>, mode: Int32
    ) throws(SystemError) -> Bool {
        let chance = UInt32.random(in: .min ... .max)
        let temporary = "\(folder(of: path))/.\(name(of: path)).\(getpid())-\(chance).part"
        defer { unlink(temporary) }
        let file = try Descriptor(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        try file.writeAll(Array(bytes))
        try file.sync()
        guard link(temporary, path) == 0 else {
            if errno == EEXIST { return false }
            throw .last("cannot create \(path)")
        }
        try syncFolder(folder(of: path))
        return true
    }

    /// Renames and makes the rename durable.
    public static func rename(_ old: String, to new: String) throws(SystemError) {
        if Glibc.rename(old, new) != 0 { throw .last("cannot rename \(old) to \(new)") }
        try syncFolder(folder(of: new))
    }

    public static func syncFolder(_ path: String) throws(SystemError) {
        try checked(aib_sync_directory(path), "cannot fsync \(path)")
    }

    /// Creates the folder and its parents.
    public static func makeFolder(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        if mkdir(path, mode) == 0 || errno == EEXIST {
            var info = stat()
            if stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { return }
            throw SystemError(errno: ENOTDIR, "cannot make folder \(path)")
        }
        let parent = folder(of: path)
        guard errno == ENOENT, parent != path else { throw .last("cannot make folder \(path)") }
        try makeFolder(parent, mode: mode)
        if mkdir(path, mode) != 0 && errno != EEXIST {
            throw .last("cannot make folder \(path)")
        }
    }

    /// A new folder for this user alone, whose name begins with `prefix`.
    /// - Parameter parent: where temporary files are.
    public static func makeTemporaryFolder(
        _ prefix: String, in parent: String = "/tmp"
    ) throws(SystemError) -> String {
        var template = Array("\(parent)/\(prefix).XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .last("cannot make a folder in \(parent)") }
        return template.withUnsafeBufferPointer { bytes in
            String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    /// Names in a folder, sorted, without `.` and `..`.
    public static func list(_ path: String) throws(SystemError) -> [String] {
        guard let stream = opendir(path) else { throw .last("cannot list \(path)") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file, link or folder with its content. Links are not followed. A missing one is
    /// not an error.
    public static func remove(_ path: String) throws(SystemError) {
        switch kind(path) {
        case nil: return
        case .folder:
            chmod(path, 0o700)
            for name in try list(path) { try remove(path + "/" + name) }
            if rmdir(path) != 0 && errno != ENOENT { throw .last("cannot remove \(path)") }
        default:
            if unlink(path) != 0 && errno != ENOENT { throw .last("cannot remove \(path)") }
        }
    }

    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    public static func name(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return path }
        return String(path[path.index(after: slash)...])
    }

    /// Returns the blocks of a file's first `bytes` to the disk; its size and the rest are kept.
    public static func punch(_ file: borrowing Descriptor, firstBytes: Int64) throws(SystemError) {
        try checked(aib_punch_hole(file.raw, 0, firstBytes), "cannot free blocks of a file")
    }

    /// Free and total bytes of the file system that `path` is on.
    public static func room(_ path: String) throws(SystemError) -> (free: Int64, total: Int64) {
        var free: Int64 = 0
        var total: Int64 = 0
        try checked(aib_disk_room(path, &free, &total), "cannot measure the disk of \(path)")
        return (free, total)
    }
}

/// Symbolic links.
public enum Links {
    /// The target of a symbolic link; empty if it cannot be read.
    public static func target(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return "" }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The path with all links followed, or `nil` if it does not exist.
    public static func resolved(_ path: String) -> String? {
        guard let raw = realpath(path, nil) else { return nil }
        defer { free(raw) }
        return String(cString: raw)
    }
}
