/// Data for cloud-init in a guest under test, in the form of its NoCloud data source: a CD named
/// `cidata`.
public enum CloudInitSeed {
    public static let volume = "cidata"

    /// A password that somebody set is kept: only what begins with "!" is replaced.
    static let unlockRoot = "sed -i 's/^root:![^:]*:/root:*:/' /etc/shadow"

    public static func files(
        instance: String, user: String, publicKey: String
    ) -> [(name: String, bytes: [UInt8])] {
        let meta = """
            instance-id: \(instance)
            local-hostname: aibuild-test
            public-keys:
              - \(publicKey)

            """
        // The distribution's default user gets the key as well: the user may be that one, or root.
        var config = """
            #cloud-config
            disable_root: false
            ssh_authorized_keys:
              - \(publicKey)

            """
        // Without a password, but not locked ("!"), as cloud-init and installers leave accounts: an
        // sshd without PAM refuses the keys of locked accounts.
        if user == "root" {
            config += """
                bootcmd:
                  - \(unlockRoot)

                """
        } else {
            config += """
                users:
                  - default
                  - name: \(user)
                    sudo: "ALL=(ALL) NOPASSWD:ALL"
                    lock_passwd: false
                    hashed_passwd: "*"
                    ssh_authorized_keys:
                      - \(publicKey)

                """
        }
        return [("meta-data", Array(meta.utf8)), ("user-data", Array(config.utf8))]
    }
}
