package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kafkaJars is where the jars of Apache Kafka lie (deploy/kafka.sh fetches them); "" lets the ledger have the embedded
// broker.
func kafkaJars() string { return os.Getenv("KAFKA_JARS") }

// startKafka starts a single broker of Apache Kafka in KRaft mode on its folder; after the first time on what the one
// before it has left there.
func (c *cluster) startKafka() {
	c.t.Helper()
	folder := filepath.Join(c.dir, "broker")
	settings := filepath.Join(folder, "server.properties")
	if c.addr == "" {
		c.addr = freeAddress(c.t)
		control := freeAddress(c.t)
		text := strings.Join([]string{
			"process.roles=broker,controller", "node.id=1", "controller.listener.names=CONTROLLER", "controller.quorum.voters=1@" + control,
			fmt.Sprintf("listeners=PLAINTEXT://%s,CONTROLLER://%s", c.addr, control), "advertised.listeners=PLAINTEXT://" + c.addr,
			"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
			"log.dirs=" + filepath.Join(folder, "log"), "auto.create.topics.enable=false",
			"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=4", "group.initial.rebalance.delay.ms=0",
		}, "\n")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
		if out, err := java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAQACAAAAAAAAAAQ", "-c", settings).CombinedOutput(); err != nil {
			c.t.Fatalf("formatting the storage of Apache Kafka: %v\n%s", err, out)
		}
	}
	cmd := java("kafka.Kafka", settings)
	cmd.Dir = folder
	log, err := os.Create(filepath.Join(c.dir, "kafka.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	err = cmd.Start()
	if closed := log.Close(); err != nil || closed != nil {
		c.t.Fatal(err, closed)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill() })
	c.broker = cmd
}

func java(class string, args ...string) *exec.Cmd {
	return exec.Command("java", append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(kafkaJars(), "*"), class}, args...)...)
}
