/// The registry as a spreadsheet that can be imported again. Passwords are never exported: their
/// column is empty, and the import of an empty password keeps the stored one.
public enum RegistryExport {
    /// An empty snapshot gives the empty file to fill in.
    public static func tables(_ snapshot: RegistrySnapshot) -> [(name: String, rows: [[String]])] {
        ImportSheet.allCases.map { sheet in
            let names = sheet.columns.map(\.name)
            let rows = Self.rows(sheet, snapshot).enumerated().map { index, values in
                names.map { $0 == "index" ? String(index + 1) : values[$0] ?? "" }
            }
            return (sheet.rawValue, [names] + rows)
        }
    }

    private static func rows(
        _ sheet: ImportSheet, _ snapshot: RegistrySnapshot
    ) -> [[String: String]] {
        switch sheet {
        case .envs:
            return snapshot.environments.values.sorted { $0.name < $1.name }.compactMap { known in
                // The sheet has no columns for other kinds of environments and logins.
                guard case .openstack(let settings) = known.settings,
                    settings.authentication == .password, settings.projectID == nil
                else { return nil }
                return [
                    "env_name": known.name, "auth_url": settings.authURL,
                    "project_domain_name": settings.projectDomain,
                    "user_domain_name": settings.userDomain, "project_name": settings.project,
                    "username": settings.username, "region": settings.region,
                ]
            }
        case .guestos:
            return snapshot.guestOSes.values.sorted { $0.name < $1.name }.map { guestOS in
                var values = [
                    "name": guestOS.name, "base_iso": guestOS.baseISO,
                    "type": guestOS.type.rawValue, "distro": guestOS.distro,
                    "version": guestOS.version, "owner": guestOS.owner,
                ]
                values["variables"] = VariableCell.text(guestOS.variables)
                switch guestOS.template.shown {
                case .folder(let path): values["template"] = path
                case .git(let url, let ref):
                    values["template"] = url
                    values["ref"] = ref
                    values["path"] = guestOS.templatePath
                case .missing: break
                }
                return values
            }
        case .testcases:
            return snapshot.testCases.map { ["name": $0.name, "os_type": $0.osType.rawValue] }
        }
    }
}
