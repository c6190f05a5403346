package app

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// tolerance is how far the time in a signature may be off.
const tolerance = 5 * time.Minute

// maxWaiting bounds the deployments of an environment that have not begun.
const maxWaiting = 20

// denial is a refused trigger.
type denial struct {
	status int
	text   string
}

func (d *denial) Error() string { return d.text }

func (d *denial) send(w http.ResponseWriter) {
	wire.JSON(w, d.status, map[string]string{"error": d.text})
}

// trigger is POST /deploy: signed, with an Idempotency-Key. A key that is known
// gets the answer of its first trigger.
func (t *Target) trigger(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "reading request", http.StatusBadRequest)
		return
	}
	if err := t.signed(r.Header.Get("X-Signature"), body); err != nil {
		(&denial{http.StatusUnauthorized, err.Error()}).send(w)
		return
	}
	var q struct {
		ID, Environment string
		Rebuild         bool
	}
	key := r.Header.Get("Idempotency-Key")
	if err := json.Unmarshal(body, &q); err != nil || key == "" || q.ID != key {
		(&denial{http.StatusBadRequest, "Idempotency-Key and id must be there and equal"}).send(w)
		return
	}
	d, no := t.accept(key, q.Environment, q.Rebuild)
	if no != nil {
		no.send(w)
		return
	}
	base := "http://" + r.Host
	wire.JSON(w, http.StatusAccepted, map[string]string{
		"status_url": base + "/deployments/" + d.ID, "deployment": d.ID, "deployment_url": base + "/console/" + d.ID,
	})
}

// signed checks "t=<unix>,v1=<hex HMAC-SHA256 of t.what>". What is signed is the
// body of a trigger and the path of a status request.
func (t *Target) signed(header string, what []byte) error {
	at, sig, ok := strings.Cut(header, ",")
	at, ok1 := strings.CutPrefix(at, "t=")
	sig, ok2 := strings.CutPrefix(sig, "v1=")
	unix, err := strconv.ParseInt(at, 10, 64)
	if !ok || !ok1 || !ok2 || err != nil {
		return fmt.Errorf("X-Signature is missing or malformed")
	}
	if time.Since(time.Unix(unix, 0)).Abs() > tolerance {
		return fmt.Errorf("X-Signature is too old")
	}
	h := hmac.New(sha256.New, []byte(t.o.Key))
	_, _ = fmt.Fprintf(h, "%d.", unix)
	_, _ = h.Write(what)
	if !hmac.Equal([]byte(sig), []byte(hex.EncodeToString(h.Sum(nil)))) {
		return fmt.Errorf("X-Signature does not fit")
	}
	return nil
}

// status is GET /deployments/{id}; the id is the deployment's or the
// Idempotency-Key of its trigger, for whoever lost the answer. A signature is
// not asked for, but one that is there must be right.
func (t *Target) status(w http.ResponseWriter, r *http.Request) {
	if sig := r.Header.Get("X-Signature"); sig != "" {
		if err := t.signed(sig, []byte(r.URL.EscapedPath())); err != nil {
			(&denial{http.StatusUnauthorized, err.Error()}).send(w)
			return
		}
	}
	d, ok := t.find(r.PathValue("id"))
	if !ok {
		(&denial{http.StatusNotFound, "no such deployment"}).send(w)
		return
	}
	wire.JSON(w, http.StatusOK, map[string]string{"status": string(d.Phase), "deployment": d.ID, "detail": d.Detail})
}

func (t *Target) find(id string) (Deployment, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.byKey[id]; d != nil {
		return *d, true
	}
	if d := t.byID[id]; d != nil {
		return *d, true
	}
	return Deployment{}, false
}

func nonce() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
