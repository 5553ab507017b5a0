package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Ports are chosen below those that the system hands to outgoing connections, so that the next start
// finds its port free again.
const (
	lowest  = 20000
	highest = 32000
	tries   = 64
	step    = 37 // between two tries, so that two brokers started together part soon
)

// listen takes the port asked for; else the one of the last start; else any that is free.
func listen(cfg Config) (net.Listener, error) {
	if cfg.Port != 0 {
		l, err := net.Listen("tcp", address(cfg.Port))
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("port %d is %w by another program: stop it, or choose another port", cfg.Port, ErrInUse)
		}
		return l, err
	}
	if port := remembered(cfg.Dir); port != 0 {
		if l, err := net.Listen("tcp", address(port)); err == nil {
			return l, nil
		}
	}
	var err error
	for i := range tries {
		var l net.Listener
		port := lowest + (os.Getpid()*tries+i*step)%(highest-lowest)
		if l, err = net.Listen("tcp", address(port)); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("finding a free port: %w", err)
}
