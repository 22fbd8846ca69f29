import Glibc
import Support

/// The user whose farm it is, while root acts for them: the owner of a folder.
///
/// They may rename and replace what is below their folders at any moment, so root follows no path
/// there: what is done there is done as that user. For the whole process; one command runs in it.
/// For anybody but root, and where root is the owner, this does nothing.
struct FarmUser: Sendable {
    private let isOther: Bool
    private let user: uid_t
    private let group: gid_t
    private let groups: [gid_t]
    private let groupsOfRoot: [gid_t]

    /// - Parameter folder: if it does not exist, its owner will be whoever runs this.
    init(ownerOf folder: String) {
        var info = stat()
        isOther = geteuid() == 0 && stat(folder, &info) == 0 && info.st_uid != 0
        user = info.st_uid
        group = info.st_gid
        groups = isOther ? Self.groups(of: user, and: group) : []
        var raw = [gid_t](repeating: 0, count: 1024)
        groupsOfRoot = Array(raw.prefix(Int(max(0, getgroups(Int32(raw.count), &raw)))))
    }

    private static func groups(of user: uid_t, and group: gid_t) -> [gid_t] {
        var found = [gid_t](repeating: 0, count: 1024)
        var count = Int32(found.count)
        guard let entry = getpwuid(user),
            getgrouplist(entry.pointee.pw_name, group, &found, &count) >= 0
        else { return [group] }
        return Array(found.prefix(Int(count)))
    }

    /// Whether a folder is theirs, so that all of it is made as they.
    func owns(_ folder: String) -> Bool {
        var info = stat()
        return isOther && stat(folder, &info) == 0 && info.st_uid == user
    }

    /// From here on, what is not said to be done otherwise is done as they.
    func become() throws(SystemError) { if isOther { try act(as: user) } }

    /// Does something at a path: as they, if they can make it lead elsewhere, and otherwise as
    /// root. Blocks.
    func act<T: ~Copyable>(
        at path: String, _ body: () throws(SystemError) -> T
    ) throws(SystemError) -> T {
        guard isOther else { return try body() }
        let before = geteuid()
        try act(as: 0)
        let result: T
        do throws(SystemError) {
            if canRedirect(path) { try act(as: user) }
            result = try body()
        } catch {
            try act(as: before)
            throw error
        }
        try act(as: before)
        return result
    }

    /// Starts programs as root: a process that has changed its user shows its descriptors to no
    /// other one, and these programs get their passwords by one.
    func actAsRoot<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        guard isOther else { return try await body() }
        let before = geteuid()
        try act(as: 0)
        let result: T
        do { result = try await body() } catch {
            try act(as: before)
            throw error
        }
        try act(as: before)
        return result
    }

    /// Gives them a file that was written at a path.
    func give(_ path: String) throws(SystemError) {
        guard isOther else { return }
        try act(at: Files.folder(of: path)) { () throws(SystemError) in
            guard geteuid() == 0 else { return }
            guard lchown(path, user, group) == 0 else {
                throw .last("cannot change the owner of \(path)")
            }
        }
    }

    /// Whether a part of a path is theirs, or in a folder where others may rename it.
    func canRedirect(_ path: String, links: Int = 0) -> Bool {
        guard path.hasPrefix("/") else {
            return canRedirect((Links.resolved(".") ?? "") + "/" + path, links: links)
        }
        var place = ""
        for part in path.split(separator: "/") {
            let parent = place.isEmpty ? "/" : place
            place += "/" + part
            var info = stat()
            guard lstat(place, &info) == 0 else { return false }
            if info.st_uid == user { return true }
            if info.st_mode & S_IFMT == S_IFLNK {
                let target = Links.target(place)
                guard links < 40, !target.isEmpty else { return true }
                let next = target.hasPrefix("/") ? target : "\(parent)/\(target)"
                if canRedirect(next, links: links + 1) { return true }
            } else if info.st_mode & 0o022 != 0, info.st_mode & S_ISVTX == 0 {
                return true
            }
        }
        return false
    }

    /// The saved user stays root, so that it can be root again.
    private func act(as wanted: uid_t) throws(SystemError) {
        guard geteuid() != wanted else { return }
        if wanted == 0 {
            try checked(seteuid(0) == 0 && setreuid(0, 0) == 0 && setregid(0, 0) == 0)
            try checked(setgroups(groupsOfRoot.count, groupsOfRoot) == 0)
        } else {
            try checked(setgroups(groups.count, groups) == 0 && setregid(group, group) == 0)
            try checked(setreuid(wanted, 0) == 0 && seteuid(wanted) == 0)
        }
    }

    private func checked(_ isDone: Bool) throws(SystemError) {
        if !isDone { throw .last("cannot act as user \(user)") }
    }
}
