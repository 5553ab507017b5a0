package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers on a free port of loopback for one test.
func serve(t *testing.T, o Options) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if o.Read == nil {
		o.Read = func(Put) {}
	}
	s := Serve(l, o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return "http://" + l.Addr().String()
}

func get(t *testing.T, url, token string) (code int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// every puts one sample into each family.
func every(put Put) {
	for i, f := range Families() {
		labels := make([]string, len(f.Labels))
		for j, l := range f.Labels {
			labels[j] = "a " + l
		}
		put(f.Name, float64(i+1), labels...)
	}
}

func TestEveryFamilyIsServedWithItsTypeAndLabels(t *testing.T) {
	_, body := get(t, serve(t, Options{Read: every})+"/metrics", "")
	for i, f := range Families() {
		kind := map[prometheus.ValueType]string{prometheus.CounterValue: "counter", prometheus.GaugeValue: "gauge"}[f.Kind]
		labels := ""
		if len(f.Labels) > 0 {
			labels = "{"
		}
		if !strings.Contains(body, fmt.Sprintf("# TYPE nearfar_%s %s\nnearfar_%s%s", f.Name, kind, f.Name, labels)) {
			t.Errorf("no %s %s in\n%s", kind, f.Name, body)
		}
		if f.Kind == prometheus.CounterValue != strings.HasSuffix(f.Name, "_total") {
			t.Errorf("%s: counters end in _total, gauges do not", f.Name)
		}
		found := false
		for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
			name, _, _ := strings.Cut(lines.Text(), "{")
			name, _, _ = strings.Cut(name, " ")
			found = found || name == Prefix+f.Name && strings.HasSuffix(lines.Text(), fmt.Sprintf(" %d", i+1))
		}
		if !found {
			t.Errorf("%s does not have the value %d", f.Name, i+1)
		}
	}
	if !strings.Contains(body, "go_goroutines ") || !strings.Contains(body, "process_resident_memory_bytes ") {
		t.Error("Go's own metrics are missing")
	}
}

func TestScrapesReadTheAccountsAnew(t *testing.T) {
	n := 0.0
	url := serve(t, Options{Read: func(put Put) { n++; put("train_steps_total", n) }})
	for want := 1; want <= 3; want++ {
		if _, body := get(t, url+"/metrics", ""); !strings.Contains(body, fmt.Sprintf("nearfar_train_steps_total %d\n", want)) {
			t.Errorf("scrape %d:\n%s", want, body)
		}
	}
}

func TestASampleOfNoFamilyIsAProgrammersMistake(t *testing.T) {
	for _, read := range []func(Put){
		func(put Put) { put("no_such_metric", 1) },
		func(put Put) { put("dlq_total", 1, "decode") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("nobody complains")
				}
			}()
			(&collector{read: read, families: map[string]described{"dlq_total": {Family: Families()[9]}}}).Collect(nil)
		}()
	}
}

func TestReadyzSaysWhatIsNotReady(t *testing.T) {
	var broken error
	checks := []Check{{"kafka", func(context.Context) error { return broken }}, {"cameras", func(context.Context) error { return nil }}}
	now := time.Unix(0, 0).Add(time.Hour)
	r := &readiness{checks: checks, now: func() time.Time { return now }}
	if text, ok := r.look(t.Context()); !ok || text != "ok: kafka\nok: cameras\n" {
		t.Errorf("%v %q", ok, text)
	}
	broken = errors.New("no broker answers")
	if _, ok := r.look(t.Context()); !ok {
		t.Error("the answer does not stand for a second")
	}
	now = now.Add(readyStale)
	if text, ok := r.look(t.Context()); ok || text != "not ready: kafka: no broker answers\nok: cameras\n" {
		t.Errorf("%v %q", ok, text)
	}
	url := serve(t, Options{Ready: checks})
	if code, body := get(t, url+"/readyz", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, "no broker answers") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get(t, url+"/healthz", ""); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %s", code, body)
	}
}

func TestAHangingCheckIsBounded(t *testing.T) {
	checks := []Check{{"kafka", func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); !ok {
			return nil
		}
		return errors.New("bounded")
	}}}
	r := &readiness{checks: checks, now: time.Now}
	if text, ok := r.look(t.Context()); ok {
		t.Errorf("%q", text)
	}
}

func TestTokenIsDemandedEverywhere(t *testing.T) {
	url := serve(t, Options{Token: "0123456789", Pprof: true})
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/", "/nothing"} {
		for _, wrong := range []string{"", "Bearer", "Bearer 012345678", "Basic 0123456789", "0123456789"} {
			if code, _ := get(t, url+path, wrong); code != http.StatusUnauthorized {
				t.Errorf("%s with %q: %d", path, wrong, code)
			}
		}
	}
	for _, right := range []string{"Bearer 0123456789", "bearer 0123456789"} {
		if code, _ := get(t, url+"/metrics", right); code != http.StatusOK {
			t.Errorf("%q: %d", right, code)
		}
	}
}

func TestPprofIsThereOnlyOnRequest(t *testing.T) {
	if code, _ := get(t, serve(t, Options{})+"/debug/pprof/goroutine", ""); code != http.StatusNotFound {
		t.Errorf("without pprof: %d", code)
	}
	url := serve(t, Options{Pprof: true})
	if code, body := get(t, url+"/debug/pprof/goroutine?debug=1", ""); code != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := get(t, url+"/debug/pprof/cmdline", ""); code != http.StatusNotFound {
		t.Errorf("the command line is shown: %d", code)
	}
}

// far is an answer to somebody on another machine.
type far struct {
	http.ResponseWriter
	code int
}

func (f *far) Header() http.Header         { return http.Header{} }
func (f *far) WriteHeader(code int)        { f.code = code }
func (f *far) Write(p []byte) (int, error) { return len(p), nil }

func TestPprofIsForThisMachineOnly(t *testing.T) {
	h := handler(Options{Pprof: true, Read: func(Put) {}})
	for from, want := range map[string]int{"10.0.0.7:4000": http.StatusForbidden, "127.0.0.1:4000": http.StatusOK, "[::1]:4000": http.StatusOK, "": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/goroutine", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = from
		w := &far{code: http.StatusOK}
		if h.ServeHTTP(w, r); w.code != want {
			t.Errorf("from %q: %d", from, w.code)
		}
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	url := serve(t, Options{})
	answer, err := http.Post(url+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", answer.StatusCode)
	}
}

// TestClosingDoesNotWaitForWhoDoesNotRead: a scraper hangs, others go on, and closing ends it.
func TestClosingDoesNotWaitForWhoDoesNotRead(t *testing.T) {
	hang, asked := make(chan struct{}), make(chan struct{})
	var once sync.Once
	t.Cleanup(func() { close(hang) }) // after the server has been closed
	url := serve(t, Options{Read: func(Put) { once.Do(func() { close(asked); <-hang }) }})
	go func() {
		if answer, err := http.Get(url + "/metrics"); err == nil {
			answer.Body.Close()
		}
	}()
	<-asked
	if code, _ := get(t, url+"/healthz", ""); code != http.StatusOK {
		t.Errorf("%d", code)
	}
}
