package config

import (
	"time"

	"github.com/nearfar/nearfar/streams/topic"
)

// KafkaConfig is the broker, and the topics nearfar keeps there. Without brokers a run starts its own.
type KafkaConfig struct {
	topic.Config   `yaml:",inline"`
	Frames         string        `yaml:"frames"`          // topic of captured frames; default frames
	Embeddings     string        `yaml:"embeddings"`      // topic of embeddings; default embeddings
	Partitions     int           `yaml:"partitions"`      // of each topic that is created; default 4
	Replication    int           `yaml:"replication"`     // of each topic that is created; default 1
	Retention      time.Duration `yaml:"retention"`       // how long frames are kept; default 24h
	RetentionBytes Size          `yaml:"retention_bytes"` // how much of the frames is kept, all partitions together; default 4GiB
	MaxFrame       Size          `yaml:"max_frame"`       // the largest frame: every size limit follows from it; default 4MiB
	Lease          time.Duration `yaml:"lease"`           // how long a trainer may be silent before another one takes its place; default 30s
	Dir            string        `yaml:"dir"`             // where the embedded broker keeps its log; default broker in run.out
	Port           int           `yaml:"port"`            // of the embedded broker on loopback; default 0, any free one
}

// DefaultKafka is the embedded broker with topics for a day of video.
func DefaultKafka() KafkaConfig {
	return KafkaConfig{
		Config: topic.Defaults(), Frames: "frames", Embeddings: "embeddings", Partitions: 4, Replication: 1,
		Retention: 24 * time.Hour, RetentionBytes: 4 << 30, MaxFrame: 4 << 20, Lease: 30 * time.Second,
	}
}

// headerRoom is what a message may take besides its picture: key, headers, framing of the batch.
const headerRoom = 64 << 10

// MaxMessage is the largest message in bytes: what topics, writers and readers are all told.
func (c KafkaConfig) MaxMessage() int { return int(c.MaxFrame) + headerRoom }

// Embedded reports whether a run starts its own broker.
func (c KafkaConfig) Embedded() bool { return len(c.Brokers) == 0 }

// FramesTopic is the topic of frames as it is created.
func (c KafkaConfig) FramesTopic() topic.Spec {
	return topic.Spec{
		Name: c.Frames, Partitions: c.Partitions, Replication: c.Replication, Retention: c.Retention,
		RetentionBytes: int64(c.RetentionBytes) / int64(c.Partitions), MaxBytes: c.MaxMessage(),
	}
}

// EmbeddingsTopic is the topic of embeddings as it is created: compacted, one record per id.
func (c KafkaConfig) EmbeddingsTopic() topic.Spec {
	return topic.Spec{
		Name: c.Embeddings, Partitions: c.Partitions, Replication: c.Replication, Retention: c.Retention,
		RetentionBytes: int64(c.RetentionBytes) / int64(c.Partitions), MaxBytes: c.MaxMessage(), Compact: true,
	}
}

// DeadLetterTopic is the topic of messages that were no frames, kept as long as the frames.
func (c KafkaConfig) DeadLetterTopic() topic.Spec { return c.FramesTopic().DeadLetters() }

// TrainersTopic says which trainer of a run is at work.
func (c KafkaConfig) TrainersTopic() topic.Spec { return topic.Tenants(c.Frames, c.Replication) }

// Check reports every problem with its yaml path.
func (c KafkaConfig) Check(report Report) {
	if !c.Embedded() {
		c.Config.Check(report)
	}
	topicName(report, "frames", c.Frames)
	topicName(report, "embeddings", c.Embeddings)
	if c.Frames == c.Embeddings {
		report("embeddings", "%q is the topic of frames too, name another", c.Embeddings)
	}
	within(report, "partitions", float64(c.Partitions), 1, 10000)
	within(report, "replication", float64(c.Replication), 1, 32)
	if c.Retention < time.Minute {
		report("retention", "%v must be at least 1m, or frames are gone before they are trained on", c.Retention)
	}
	if c.MaxFrame < 4<<10 || c.MaxFrame > 512<<20 {
		report("max_frame", "%v must lie between 4KiB and 512MiB", c.MaxFrame)
	}
	if c.Partitions > 0 && c.RetentionBytes/Size(c.Partitions) < 2*c.MaxFrame {
		report("retention_bytes", "%v leaves %v to each of %d partitions, it must hold at least two frames of %v", c.RetentionBytes, c.RetentionBytes/Size(c.Partitions), c.Partitions, c.MaxFrame)
	}
	if c.Lease < time.Second || c.Lease > time.Hour {
		report("lease", "%v must lie between 1s and 1h, 30s suits most", c.Lease)
	}
	within(report, "port", float64(c.Port), 0, 65535)
	if !c.Embedded() && (c.Port != 0 || c.Dir != "") {
		report("brokers", "names a broker and dir or port an embedded one, drop either")
	}
	if c.Embedded() && c.Replication > 1 {
		report("replication", "%d needs as many brokers, the embedded one is alone: name brokers or set replication: 1", c.Replication)
	}
}

// topicName checks a name by Kafka's own rule.
func topicName(report Report, path, name string) {
	ok := name != "" && name != "." && name != ".." && len(name) <= 249
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}
	if !ok {
		report(path, "%q is no topic name, take 1 to 249 letters, digits, dots, underscores and dashes", name)
	}
}
