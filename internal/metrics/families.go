// Package metrics is how a process shows itself to those who operate it: /healthz, /readyz and /metrics, over
// HTTP, on loopback unless told otherwise.
//
// Nothing is counted here. Each scrape reads the same accounts that a run's summary is made of, so the two
// cannot disagree.
package metrics

import "github.com/prometheus/client_golang/prometheus"

// Prefix stands before the name of every family.
const Prefix = "nearfar_"

// Family is one metric: its name without Prefix, what it counts, and by what it is told apart.
type Family struct {
	Name   string
	Kind   prometheus.ValueType
	Labels []string
	Help   string
}

// Families are all metrics there can be. Labels are few by construction: cameras are those of the
// configuration; stages, reasons, outcomes, sinks and objectives are words of the program.
func Families() []Family {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	return []Family{
		{"build_info", gauge, []string{"version", "commit", "go"}, "What runs; always 1."},

		{"frames_captured_total", counter, []string{"camera"}, "Frames a camera gave."},
		{"frames_acknowledged_total", counter, []string{"camera"}, "Frames of a camera that Kafka has acknowledged."},
		{"frames_dropped_total", counter, []string{"stage", "reason"}, "Frames that were given up: before Kafka had them (capture), behind what the merge had let through, or in the topic a second time (merge)."},
		{"camera_last_frame_age_seconds", gauge, []string{"camera"}, "Time since a camera's last frame, or since this process began where there was none."},
		{"camera_up", gauge, []string{"camera"}, "1 where a camera gives frames, 0 where it is in trouble."},
		{"camera_reconnects_total", counter, []string{"camera"}, "Times a camera was opened again."},

		{"frames_lost_gap_total", counter, nil, "Frames that retention deleted before they were read."},
		{"stale_messages_total", counter, nil, "Messages that came again from before the position, and were passed over."},
		{"readers_rebuilt_total", counter, nil, "Readers of a partition that had gone silent though the topic went on, and were given up for others."},
		{"dlq_total", counter, []string{"stage", "reason"}, "Messages that went to the dead letters."},
		{"consumer_lag", gauge, nil, "Messages in the frames topic that were not yet read."},

		{"frames_trained_total", counter, nil, "Frames that the sampler took in."},
		{"frames_sampled_total", counter, []string{"outcome"}, "What became of them: admitted, frozen (the picture before), alone (no positive), disordered, ill_formed."},
		{"frames_embedded_total", counter, nil, "Frames that were embedded."},
		{"cameras_frozen", gauge, nil, "Cameras that show the same picture, byte for byte, for longer than they should."},

		{"train_steps_total", counter, nil, "Training steps taken."},
		{"train_steps_forgone_total", counter, nil, "Training steps not taken, to keep up with the feed."},
		{"train_steps_undone_total", counter, nil, "Training steps taken back, because a loss was no number any more."},
		{"learning_rate_halvings_total", counter, nil, "Times the learning rate was halved for that."},
		{"train_step_seconds", gauge, nil, "Time that a training step takes, mean since the last look."},
		{"bank_age_steps", gauge, []string{"objective"}, "Steps since the oldest key of an objective's memory bank was made."},
		{"loss", gauge, nil, "Loss, mean since the last look."},
		{"learning_rate", gauge, nil, "Learning rate of the last step."},
		{"embedding_std", gauge, nil, "Standard deviation of the newest embeddings, normalised; 1/√d is healthy, 0 collapsed."},
		{"embedding_effective_rank", gauge, nil, "Effective rank (RankMe) of the newest embeddings."},
		{"embedding_collapsed", gauge, nil, "1 while the embeddings have collapsed, see train.collapse."},
		{"knn_probe", gauge, nil, "Share of labelled frames recognised among earlier visits."},

		{"checkpoint_age_seconds", gauge, nil, "Time since the last checkpoint."},
		{"checkpoint_bytes", gauge, nil, "Size of the last checkpoint."},
		{"checkpoint_step", gauge, nil, "Step of the last checkpoint."},
		{"sink_queue_bytes", gauge, []string{"sink"}, "Embeddings that wait on the disk: for a sink that is away (its spool), or for the next start (unsent)."},
	}
}
