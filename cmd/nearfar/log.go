package main

import (
	"io"
	"log/slog"

	"github.com/nearfar/nearfar/internal/config"
)

// checkLogFlags refuses wrong words before a command begins.
func (a *app) checkLogFlags() error {
	var err error
	c := a.logConfig(config.LogConfig{})
	c.Check(func(path, format string, args ...any) {
		if err == nil {
			err = usagef("nearfar", "--log-"+path+": "+format, args...)
		}
	})
	return err
}

// logConfig is the configuration with the flags on top.
func (a *app) logConfig(c config.LogConfig) config.LogConfig {
	set := func(v *string, flag, fallback string) {
		if flag != "" {
			*v = flag
		}
		if *v == "" {
			*v = fallback
		}
	}
	set(&c.Level, a.logLevel, "info")
	set(&c.Format, a.logForm, "text")
	return c
}

// logger writes to standard error as the flags say, else the configuration, else text from info up.
func (a *app) logger(c config.LogConfig) *slog.Logger {
	w := a.err
	if terminal(w) {
		w = overProgress{w}
	}
	return newLogger(w, a.logConfig(c))
}

// overProgress writes log lines in the place of the progress line, which comes again within a second.
type overProgress struct{ w io.Writer }

func (o overProgress) Write(p []byte) (int, error) {
	if _, err := io.WriteString(o.w, "\r\x1b[K"+string(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func newLogger(w io.Writer, c config.LogConfig) *slog.Logger {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	o := &slog.HandlerOptions{Level: levels[c.Level]}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
