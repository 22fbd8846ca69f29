#!/bin/bash
# The image services of a real OpenStack, on loopback: one Keystone and two Glances, with databases,
# image stores and logs in one folder. For tests, demos and the benchmark.
#
#   openstack.sh FOLDER KEYSTONE-PORT GLANCE-PORT SECOND-GLANCE-PORT
#
# Runs until it receives TERM or, if stdin is a pipe, until that is closed; then it stops everything
# that it started. Files in FOLDER for the caller:
#
#   ready              exists once all three services respond
#   dead               exists if they never will; the logs are in FOLDER/log, also with REMOVE
#   NAME.pid           of mariadb, keystone, glance1, glance2; each leads its own process group
#   NAME.down          while it exists, NAME is not restarted after it has ended
#
# The first Glance is region RegionOne. The second is RegionTwo: it validates every token with
# Keystone (the first caches for 300 s), accepts no image larger than 64 MiB, and no more than
# 96 MiB in all from a project.
#
# Users, all in domain Default, password = name + "-secret": releaser (member of the projects
# release and staging), customer (member of consumer), admin.
#
#   REMOVE=1             also remove the folder at the end, unless the services never responded
#   GLANCE_PROCESSES=3   concurrent requests of the first Glance; an upload occupies one
#   TLS=FOLDER           Keystone and the first Glance also serve TLS, with server.pem and
#   TLS_PORTS="P Q"      server-key.pem of the folder, on these ports
#   BRIEF_PORT=P         a second Keystone on that port whose tokens live for 8 s. It is for clients
#                        only: a Glance does not use its own token in the last 30 s
set -euo pipefail
[ $# -eq 4 ] || { echo "usage: ${0##*/} FOLDER KEYSTONE-PORT GLANCE-PORT SECOND-GLANCE-PORT" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd) keystone_port=$2 ports=("$2" "$3" "$4")
keystone=http://127.0.0.1:$keystone_port
# A python3 in /usr/local or a home may come first and lack Debian's modules.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=$folder LANG=C.UTF-8
unset PYTHONPATH PYTHONHOME
exec 3<&0 </dev/null

names=(mariadb keystone glance1 glance2)
[ -z "${BRIEF_PORT:-}" ] || names+=(brief)
read -r keystone_tls glance_tls <<<"${TLS_PORTS:-}"
mkdir -p "$folder"/{log,lock,keystone/policy.d,fernet,credential,tmp} \
    "$folder"/glance{1,2}/{policy.d,images,staging,tasks}
chmod 700 "$folder" "$folder/fernet" "$folder/credential"

running() { # NAME
    local pid state
    pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 1
    state=$(sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null) || return 1
    [ "${state%% *}" != Z ]
}

stop() {
    local name tries
    trap '' TERM INT EXIT
    kill $(jobs -p) 2>/dev/null || true
    for name in "${names[@]}"; do
        if running "$name"; then kill -KILL -- "-$(cat "$folder/$name.pid")" 2>/dev/null || true; fi
    done
    # A process that still writes would add files while the folder is removed.
    for name in "${names[@]}"; do
        for tries in {1..50}; do running "$name" || break; sleep 0.1; done
    done
    if [ -n "$is_dead" ]; then
        touch "$folder/dead"
    elif [ -n "${REMOVE:-}" ]; then
        rm -rf "$folder"
    fi
    exit 0
}
is_dead=
trap stop TERM INT
trap 'is_dead=1; stop' EXIT
main=$$
if [ -p /dev/fd/3 ]; then (trap - EXIT; read -r _ <&3 || true; kill -TERM "$main") & fi
exec 3<&-

# Not SQLite: with two writers, one gets "database is locked", and the service answers 500.
socket=$folder/mariadb.socket
database() { echo "mysql+pymysql://root@localhost/$1?unix_socket=$socket&charset=utf8"; }

cat >"$folder/keystone/keystone.conf" <<END
[DEFAULT]
log_file = $folder/log/keystone.log
use_stderr = false
public_endpoint = $keystone/
[database]
connection = $(database keystone)
# Without a cache, each validation of a token costs a second of computing.
[cache]
enabled = true
backend = oslo_cache.dict
[token]
provider = fernet
expiration = 3600
[fernet_tokens]
key_repository = $folder/fernet
[fernet_receipts]
key_repository = $folder/fernet
[credential]
key_repository = $folder/credential
[identity]
# The minimum of bcrypt: these passwords are not secret, and each login would otherwise cost a third
# of a second.
password_hash_rounds = 4
[oslo_policy]
policy_dirs = $folder/keystone/policy.d
END

mkdir -p "$folder/brief"
sed "s/^expiration = .*/expiration = 8/; s/keystone\.log/brief.log/" \
    "$folder/keystone/keystone.conf" >"$folder/brief/keystone.conf"

glance_configuration() { # NUMBER TOKEN-CACHE-SECONDS LARGEST-IMAGE-BYTES LARGEST-SUM
    local own=$folder/glance$1
    cat >"$own/glance-api.conf" <<END
[DEFAULT]
bind_host = 127.0.0.1
bind_port = ${ports[$1]}
log_file = $folder/log/glance$1.log
use_stderr = false
node_staging_uri = file://$own/staging
enabled_backends = local:file
hashing_algorithm = sha512
image_size_cap = $3
user_storage_quota = $4
[database]
connection = $(database glance$1)
[glance_store]
default_backend = local
[local]
filesystem_store_datadir = $own/images
[os_glance_staging_store]
filesystem_store_datadir = $own/staging
[os_glance_tasks_store]
filesystem_store_datadir = $own/tasks
[keystone_authtoken]
www_authenticate_uri = $keystone
auth_url = $keystone
auth_type = password
username = glance
password = glance-secret
project_name = service
user_domain_name = Default
project_domain_name = Default
token_cache_time = $2
[oslo_concurrency]
lock_path = $folder/lock
[oslo_policy]
policy_dirs = $own/policy.d
[paste_deploy]
flavor = keystone
config_file = $own/glance-api-paste.ini
END
    cp /usr/share/glance-common/glance-api-paste.ini "$own/"
}
glance_configuration 1 300 1099511627776 0
glance_configuration 2 -1 67108864 96MB

# Commits reach the kernel, not necessarily the disk: no machine crashes here. Only the socket is
# served, in a folder that only this user can enter.
serve_mariadb() {
    setsid mariadbd --no-defaults --user="$(id -un)" --datadir="$folder/mariadb" \
        --socket="$socket" --skip-networking --pid-file="$folder/tmp/mariadb.pid" \
        --tmpdir="$folder/tmp" --log-error="$folder/log/mariadb.log" \
        --innodb-buffer-pool-size=64M --innodb-log-file-size=16M \
        --innodb-flush-log-at-trx-commit=0 --skip-innodb-doublewrite --performance-schema=OFF \
        --skip-name-resolve --character-set-server=utf8mb3 >>"$folder/log/mariadb.log" 2>&1 &
    started mariadb
}

serve() { # NAME PORT PROCESSES THREADS PROGRAM [TLS-PORT]
    local tls=()
    [ -z "${6:-}" ] ||
        tls=(--https-socket "127.0.0.1:$6,$TLS/server.pem,$TLS/server-key.pem")
    # "Connection: close", because uwsgi closes connections without announcing it, and the clients
    # of the services would reuse them. Each worker loads the service by itself: Glance begins a
    # thread as it is loaded, and a lock that a thread holds at a fork stays locked in the worker.
    setsid uwsgi --plugin python3 --master --die-on-term --no-orphans --lazy-apps \
        --enable-threads --need-app --processes "$3" --threads "$4" \
        --buffer-size 65535 --listen 100 --socket-timeout 30 --http-socket "127.0.0.1:$2" "${tls[@]}" \
        --procname-prefix-spaced "aibuild-test-$1" --wsgi-file "$5" \
        --add-header "Connection: close" --logto "$folder/log/$1-uwsgi.log" &
    started "$1"
}
# One process: its cache of tokens, from which revoked ones are removed, is not shared.
serve_keystone() {
    OS_KEYSTONE_CONFIG_DIR=$folder/keystone \
        serve keystone "$keystone_port" 1 4 /usr/bin/keystone-wsgi-public "$keystone_tls"
}
serve_brief() {
    OS_KEYSTONE_CONFIG_DIR=$folder/brief serve brief "$BRIEF_PORT" 1 2 /usr/bin/keystone-wsgi-public
}
# Single-threaded processes: Glance's locks are eventlet's, which do not work across threads.
serve_glance1() {
    OS_GLANCE_CONFIG_DIR=$folder/glance1 \
        serve glance1 "${ports[1]}" "${GLANCE_PROCESSES:-3}" 1 /usr/bin/glance-wsgi-api \
        "$glance_tls"
}
serve_glance2() {
    OS_GLANCE_CONFIG_DIR=$folder/glance2 serve glance2 "${ports[2]}" 2 1 /usr/bin/glance-wsgi-api
}

started() { # NAME
    echo $! >"$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1.pid"
}

# The limit of one request is long: a request that curl gives up goes on in the service, and the
# next one would initialize the same modules in another thread.
answers() { # NAME URL
    local end=$((SECONDS + 200))
    until curl -fs -m 60 -o /dev/null "$2"; do
        running "$1" && [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

databases() {
    local name end
    mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$folder/mariadb" \
        --auth-root-authentication-method=normal --skip-test-db --innodb-log-file-size=16M \
        >"$folder/log/mariadb-install.log" 2>&1
    serve_mariadb
    end=$((SECONDS + 60))
    until sql -e 'SELECT 1' >/dev/null 2>&1; do
        running mariadb && [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
    for name in keystone glance1 glance2; do sql -e "CREATE DATABASE $name"; done
}
sql() { mariadb --no-defaults --socket="$socket" --user=root "$@"; }

glance_databases() {
    glance-manage --config-file "$folder/glance1/glance-api.conf" db_sync
    mariadb-dump --no-defaults --socket="$socket" --user=root glance1 | sql glance2
}

seed() {
    local body token
    body='{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin",
        "domain":{"name":"Default"},"password":"admin-secret"}}},
        "scope":{"project":{"name":"admin","domain":{"name":"Default"}}}}}'
    token=$(api "" "$keystone/v3/auth/tokens" -D- -o /dev/null -d "$body" |
        tr -d '\r' | sed -n 's/^x-subject-token: //Ip')
    api() { curl -fsS -m 60 -H "X-Auth-Token: $token" -H 'Content-Type: application/json' "$@"; }
    id() { jq -r ".$1.id"; }
    project() {
        api "$keystone/v3/projects" -d '{"project":{"name":"'"$1"'","domain_id":"default"}}' |
            id project
    }
    user() {
        api "$keystone/v3/users" -d '{"user":{"name":"'"$1"'","password":"'"$1-secret"'",
            "domain_id":"default"}}' | id user
    }
    role() { api "$keystone/v3/roles?name=$1" | jq -r '.roles[0].id'; }
    grant() { api -X PUT "$keystone/v3/projects/$1/users/$2/roles/$3"; }

    local member admin releaser service number interface
    member=$(role member) admin=$(role admin)
    grant "$(project service)" "$(user glance)" "$admin"
    releaser=$(user releaser)
    grant "$(project release)" "$releaser" "$member"
    grant "$(project staging)" "$releaser" "$member"
    grant "$(project consumer)" "$(user customer)" "$member"
    service=$(api "$keystone/v3/services" -d '{"service":{"type":"image","name":"glance"}}' |
        id service)
    api "$keystone/v3/regions" -d '{"region":{"id":"RegionTwo"}}' >/dev/null
    for number in 1 2; do
        for interface in public internal; do
            api "$keystone/v3/endpoints" -d '{"endpoint":{"interface":"'"$interface"'",
                "region_id":"'"$([ "$number" = 1 ] && echo RegionOne || echo RegionTwo)"'",
                "service_id":"'"$service"'","url":"http://127.0.0.1:'"${ports[$number]}"'"}}' \
                >/dev/null
        done
    done
}
# The first request has no token yet.
api() {
    shift
    curl -fsS -m 60 -H 'Content-Type: application/json' "$@"
}

bring_up() {
    trap - EXIT TERM INT
    # What `keystone-manage fernet_setup` and `credential_setup` would create.
    for key in fernet/0 fernet/1 credential/0 credential/1; do
        openssl rand -base64 32 | tr '+/' '-_' | tr -d '\n' >"$folder/$key"
        chmod 600 "$folder/$key"
    done
    databases
    glance_databases >"$folder/log/glance-manage.log" 2>&1 &
    glance_ready=$!
    {
        manage=(keystone-manage --config-file "$folder/keystone/keystone.conf")
        "${manage[@]}" db_sync
        "${manage[@]}" bootstrap --bootstrap-password admin-secret --bootstrap-region-id RegionOne \
            --bootstrap-admin-url "$keystone/v3/" --bootstrap-internal-url "$keystone/v3/" \
            --bootstrap-public-url "$keystone/v3/"
    } >"$folder/log/keystone-manage.log" 2>&1
    serve_keystone
    wait "$glance_ready"
    serve_glance1
    serve_glance2
    [ -z "${BRIEF_PORT:-}" ] || serve_brief
    answers keystone "$keystone/v3"
    seed
    answers glance1 "http://127.0.0.1:${ports[1]}/healthcheck"
    answers glance2 "http://127.0.0.1:${ports[2]}/healthcheck"
    [ -z "${BRIEF_PORT:-}" ] || answers brief "http://127.0.0.1:$BRIEF_PORT/v3"
}

# In a subshell, because this shell must handle TERM in the meantime.
bring_up &
wait $!
touch "$folder/ready"

# Restart a service that a test has killed, unless the test holds it down.
while :; do
    for name in "${names[@]}"; do
        if [ ! -e "$folder/$name.down" ] && ! running "$name"; then "serve_$name"; fi
    done
    sleep 0.2 &
    wait $!
done
