package online

import "context"

// note changes the books of an embed worker.
func (w *embedWorker) note(change func(*EmbedResult)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.result)
}

// account tells how the books stand.
func (w *embedWorker) account() {
	if w.o.Account == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock() // while it is told, so that nobody hears of an older state last
	w.o.Account(w.result)
}

// measure asks how much is not read yet.
func (w *embedWorker) measure(ctx context.Context) {
	if lag, err := w.reader.Lag(ctx); err == nil { // a broker that is away shows as an error of Fetch
		stale, rebuilt := w.reader.Stale(), w.reader.Rebuilt()
		w.note(func(r *EmbedResult) { r.Lag, r.Stale, r.Rebuilt = lag, stale, rebuilt })
		w.account()
	}
}
