#!/usr/bin/env bash
# Runs the tests of streams/topic that want Apache Kafka: on the cluster that KAFKA_BROKERS names (host:port,
# comma-separated), or else on a single broker in KRaft mode that this script starts on loopback and stops
# again, with a listener that wants certificates and one that wants passwords. It is the release of
# compose.yaml, or KAFKA_VERSION; its jars come through mvn and stay in .cache, where the ledger can be given
# them, too: KAFKA_JARS=$PWD/.cache/kafka-4.1.1 go test -run FaultLedger ./cmd/nearfar
#
#   deploy/kafka.sh [ARGUMENTS OF GO TEST]
set -euo pipefail
cd "$(dirname "$0")/.."

conformance() { # conformance BROKERS [ARGUMENTS OF GO TEST]
	local brokers=$1
	shift
	KAFKA_BROKERS=$brokers go test -mod=readonly -buildvcs=false -count=1 -timeout 5m -run 'OnKafka$' "$@" ./streams/topic
}

if [ -n "${KAFKA_BROKERS:-}" ]; then
	conformance "$KAFKA_BROKERS" "$@"
	exit
fi

skip() {
	echo "SKIPPED: no conformance test on Kafka: $1; or let KAFKA_BROKERS name a cluster" >&2
	exit 0
}
command -v java >/dev/null || skip "java is missing (17 or newer)"
command -v mvn >/dev/null || skip "mvn is missing (it fetches the broker)"
command -v openssl >/dev/null || skip "openssl is missing (it makes certificates)"
java=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.specification\.version = \([0-9]*\).*/\1/p')
[ "${java:-0}" -ge 17 ] || skip "java is older than 17"

version=${KAFKA_VERSION:-$(sed -n 's|.*image: apache/kafka:||p' deploy/compose.yaml)}
[ -n "$version" ] || { echo "deploy/compose.yaml names no apache/kafka image: set KAFKA_VERSION" >&2; exit 1; }
jars=.cache/kafka-$version
work=$(mktemp -d)
pid=
stop() {
	status=$?
	if [ -n "$pid" ] && kill "$pid" 2>/dev/null; then
		for _ in {1..100}; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$work"
	exit "$status"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() { # fail WHAT LOG
	tail -n 25 "$2" >&2
	echo "$1; the last lines of its log are above" >&2
	exit 1
}

if [ ! -d "$jars" ]; then
	echo "fetching Apache Kafka $version" >&2
	cat >"$work/pom.xml" <<-POM
		<project>
		  <modelVersion>4.0.0</modelVersion>
		  <groupId>nearfar</groupId><artifactId>kafka</artifactId><version>1</version>
		  <dependencies>
		    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
		    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
		  </dependencies>
		</project>
	POM
	timeout 300 mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
		-DoutputDirectory="$work/jars" >"$work/mvn.log" 2>&1 || fail "mvn could not fetch Apache Kafka $version" "$work/mvn.log"
	mkdir -p .cache
	cp -r "$work/jars" "$jars.$$" # whole or not at all, also where two do it at once
	mv -T "$jars.$$" "$jars" 2>/dev/null || rm -rf "$jars.$$"
fi

# Below the ports that the system hands out by itself.
free_port() {
	local port
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 12000))
		if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	echo "no free port found" >&2
	return 1
}
port=$(free_port)
control=$(free_port)
tls=$(free_port)
sasl=$(free_port)

# An authority, and what it says of the broker and of a client.
signed() { # signed NAME EXTENSION
	openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$work/$1-key.pem" -out "$work/$1.csr"
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca-key.pem" -CAcreateserial -days 1 -extfile <(echo "$2") -out "$work/$1.pem"
	cat "$work/$1-key.pem" "$work/$1.pem" >"$work/$1-pair.pem"
}
{
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 1 -keyout "$work/ca-key.pem" -out "$work/ca.pem"
	signed broker subjectAltName=IP:127.0.0.1
	signed client extendedKeyUsage=clientAuth
} >"$work/openssl.log" 2>&1 || fail "openssl could not make certificates" "$work/openssl.log"
password='open sesame'

cat >"$work/server.properties" <<-CONF
	process.roles=broker,controller
	node.id=1
	controller.quorum.voters=1@127.0.0.1:$control
	controller.listener.names=CONTROLLER
	listeners=PLAINTEXT://127.0.0.1:$port,SSL://127.0.0.1:$tls,SASL_SSL://127.0.0.1:$sasl,CONTROLLER://127.0.0.1:$control
	advertised.listeners=PLAINTEXT://127.0.0.1:$port,SSL://127.0.0.1:$tls,SASL_SSL://127.0.0.1:$sasl
	listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
	ssl.keystore.type=PEM
	ssl.keystore.location=$work/broker-pair.pem
	ssl.truststore.type=PEM
	ssl.truststore.location=$work/ca.pem
	listener.name.ssl.ssl.client.auth=required
	sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
	listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_nearfar="$password";
	listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
	listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
	log.retention.check.interval.ms=500
	log.initial.task.delay.ms=500
	log.dirs=$work/data
	auto.create.topics.enable=false
	offsets.topic.replication.factor=1
CONF

run() { # run CLASS [ARGUMENTS]
	exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$jars/*" "$@"
}
(run kafka.tools.StorageTool format -t AAAAAAAAQACAAAAAAAAAAQ -c "$work/server.properties" \
	--add-scram "SCRAM-SHA-256=[name=nearfar,password=$password]" --add-scram "SCRAM-SHA-512=[name=nearfar,password=$password]") >"$work/format.log" 2>&1 ||
	fail "the broker's storage could not be formatted" "$work/format.log"
run kafka.Kafka "$work/server.properties" >"$work/kafka.log" 2>&1 &
pid=$!
for _ in {1..600}; do
	if grep -q 'Kafka Server started' "$work/kafka.log"; then
		ready=yes
		break
	fi
	kill -0 "$pid" 2>/dev/null || fail "Apache Kafka $version ended" "$work/kafka.log"
	sleep 0.1
done
[ -n "${ready:-}" ] || fail "Apache Kafka $version is not ready after a minute" "$work/kafka.log"

echo "Apache Kafka $version listens at 127.0.0.1:$port" >&2
export KAFKA_TLS=127.0.0.1:$tls KAFKA_SASL=127.0.0.1:$sasl KAFKA_PASSWORD=$password KAFKA_CERTIFICATES=$work
conformance "127.0.0.1:$port" "$@"
