package app

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// Freshness is how old a question may be, or how far ahead.
const Freshness = 60 * time.Second

// question is what the asker sends. Its time is Unix seconds or RFC 3339, as a
// number or a string; the answer uses the same form.
type question struct {
	Name  string          `json:"name"`
	Nonce string          `json:"nonce"`
	Time  json.RawMessage `json:"time"`
}

// attest proves which value this instance holds without showing it. Whoever
// cannot sign a fresh question about a configured name learns nothing, not even
// that the address exists.
func (i *instance) attest(w http.ResponseWriter, r *http.Request) {
	var q question
	if err := wire.ReadJSON(r, &q); err != nil {
		http.NotFound(w, r)
		return
	}
	at := strings.Trim(string(q.Time), `"`)
	value, configured := i.values[q.Name]
	sig, versioned := strings.CutPrefix(r.Header.Get("X-Rekey-Signature"), "v1=")
	want := mac(i.o.AttestKey, "ask", at, q.Nonce, q.Name)
	if !versioned || !hmac.Equal([]byte(sig), []byte(want)) || !configured || q.Nonce == "" || !fresh(at) {
		http.NotFound(w, r)
		return
	}
	now, shown := clock(q.Time)
	sum := sha256.Sum256([]byte(value))
	wire.JSON(w, http.StatusOK, map[string]any{
		"instance": i.id, "deployment": i.deployment, "time": shown,
		"proof": mac(i.o.AttestKey, "answer", q.Nonce, now, q.Name, i.id, i.deployment, hex.EncodeToString(sum[:])),
	})
}

// mac is the hex HMAC-SHA256 over the lines of a message.
func mac(key string, lines ...string) string {
	h := hmac.New(sha256.New, []byte(key))
	_, _ = h.Write([]byte("rekey-attest-v1\n" + strings.Join(lines, "\n")))
	return hex.EncodeToString(h.Sum(nil))
}

func fresh(text string) bool {
	t, err := time.Parse(time.RFC3339Nano, text)
	if n, e := strconv.ParseInt(text, 10, 64); e == nil {
		t, err = time.Unix(n, 0), nil
	}
	return err == nil && time.Since(t).Abs() <= Freshness
}

// clock is the present time in the form of the question: as text for the proof
// and as JSON for the answer.
func clock(like json.RawMessage) (text string, shown json.RawMessage) {
	quoted := strings.HasPrefix(string(like), `"`)
	text = strconv.FormatInt(time.Now().Unix(), 10)
	if _, err := strconv.ParseInt(strings.Trim(string(like), `"`), 10, 64); err != nil {
		text = time.Now().UTC().Format(time.RFC3339)
	}
	if quoted {
		return text, json.RawMessage(`"` + text + `"`)
	}
	return text, json.RawMessage(text)
}
