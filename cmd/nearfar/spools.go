package main

import (
	"fmt"
	"path/filepath"

	"github.com/nearfar/nearfar/sinks/spool"
)

// spoolSinks puts a spool before each sink whose destination may go away while the run goes on. An embed worker has
// none: what it has not delivered it has not read, and another worker may.
func (s *session) spoolSinks() error {
	s.spools = map[string]*spool.Spool{}
	for i, c := range s.cfg.Sinks {
		if c.Kind == "stdout" || c.Spool == 0 {
			continue
		}
		name := fmt.Sprintf("%d-%s", i, c.Kind)
		before, err := spool.Open(s.sinks[i], filepath.Join(s.run.Path, "spool", name), spool.Options{MaxBytes: int64(c.Spool), Log: s.log.With("sink", name)})
		if err != nil {
			return err
		}
		s.sinks[i], s.spools[name] = before, before
	}
	return nil
}
