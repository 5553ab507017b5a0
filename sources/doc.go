// Package sources is what every kind of camera shares: how it is described (Config, Parse), what it does
// (Source), how its frames get out of the process that captures them (Pump, Serve) and how those processes
// are kept alive (Supervisor).
//
//	            parent                                   one process per camera
//	┌──────────────────────────────┐  stdin: job, pause,  ┌────────────────────────────────────┐
//	│ Supervisor ── age of beats ──│──────────────────────▶ Serve                               │
//	│   restarts, gives up, totals │  resume, stop        │   Source ──▶ queue ──▶ write(Kafka) │
//	│                              ◀──────────────────────│             Pump                    │
//	└──────────────────────────────┘  stdout: one Beat    └────────────────────────────────────┘
//	                                  per line
//
// A process per camera, because OpenCV opens cameras one after the other, may block for ever in a read and
// is killed by a bad buffer: none of which another camera should notice.
package sources
