package app

import (
	"encoding/json"
	"io"
	"net/http"

	"rekey/internal/sandbox/wire"
)

// hook is POST /hooks/pause and /hooks/resume: production's work is held, or
// goes on. They are signed as a deployment is, and followed at the same kind of
// address.
func (t *Target) hook(held bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "reading request", http.StatusBadRequest)
			return
		}
		if err := t.signed(r.Header.Get("X-Signature"), body); err != nil {
			(&denial{http.StatusUnauthorized, err.Error()}).send(w)
			return
		}
		var q struct{ ID, Environment string }
		a := t.o.Apps["production"]
		if err := json.Unmarshal(body, &q); err != nil || q.ID == "" || q.Environment != "production" || a == nil {
			(&denial{http.StatusUnprocessableEntity, "there is work in production only, and a request has an id"}).send(w)
			return
		}
		t.mu.Lock()
		done := t.hooked[q.ID]
		t.hooked[q.ID] = true
		t.mu.Unlock()
		if !done { // the same id again does nothing
			a.Hold(held)
		}
		wire.JSON(w, http.StatusAccepted, map[string]string{"status_url": "http://" + r.Host + "/hooks/" + q.ID})
	}
}

// hookStatus is GET /hooks/{id}.
func (t *Target) hookStatus(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	done := t.hooked[r.PathValue("id")]
	t.mu.Unlock()
	if !done {
		(&denial{http.StatusNotFound, "no such request"}).send(w)
		return
	}
	wire.JSON(w, http.StatusOK, map[string]string{"status": string(Succeeded)})
}
