package metrics

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options of a Server.
type Options struct {
	Token string // "" lets everyone in who can reach the listener
	Pprof bool   // serve /debug/pprof, to this machine only
	Read  func(Put)
	Ready []Check
}

// Server answers /healthz, /readyz and /metrics.
type Server struct {
	http *http.Server
	over chan struct{}
	err  error // read after over
}

// closeWait is how long requests under way may still take when the server is closed.
const closeWait = time.Second

// Serve answers on a listener, which it owns from now on, until Close.
func Serve(l net.Listener, o Options) *Server {
	s := &Server{over: make(chan struct{}), http: &http.Server{
		Handler:           guard(o.Token, handler(o)),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10,
	}}
	go func() {
		defer close(s.over)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("serving http on %s: %w", l.Addr(), err)
		}
	}()
	return s
}

// Close lets requests under way end, for a moment, and closes the listener.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if s.http.Shutdown(ctx) != nil { // a scraper that does not read
		_ = s.http.Close()
	}
	<-s.over
	return s.err
}

func handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
	ready := &readiness{checks: o.Ready, now: time.Now}
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		text, ok := ready.look(r.Context())
		code := http.StatusOK
		if !ok {
			code = http.StatusServiceUnavailable
		}
		say(w, code, text)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(NewRegistry(o.Read), promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	if o.Pprof {
		mux.HandleFunc("GET /debug/pprof/", local(pprof.Index))
		mux.HandleFunc("GET /debug/pprof/profile", local(pprof.Profile))
		mux.HandleFunc("GET /debug/pprof/symbol", local(pprof.Symbol))
		mux.HandleFunc("GET /debug/pprof/trace", local(pprof.Trace))
		mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound) // it may name cameras with their passwords
	}
	return mux
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text) // who asked may have gone
}

// guard lets only requests through that carry the token. Hashes are compared, so that time tells nothing.
func guard(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(given))
		if !strings.EqualFold(kind, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="nearfar"`)
			say(w, http.StatusUnauthorized, "send the token of http.token as Authorization: Bearer …\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// local answers this machine only, whatever address the listener has.
func local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() {
			say(w, http.StatusForbidden, "for this machine only\n")
			return
		}
		next(w, r)
	}
}
