package r2_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
)

// audit is the account's log: both ends are required, a page has a cursor to
// the next one.
func (f *fake) audit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f.windows = append(f.windows, r.URL.RawQuery)
	since, err1 := time.Parse(time.RFC3339, q.Get("since"))
	before, err2 := time.Parse(time.RFC3339, q.Get("before"))
	limit, err3 := strconv.Atoi(q.Get("limit"))
	if err1 != nil || err2 != nil || err3 != nil || q.Get("direction") != "desc" {
		refuse(w, http.StatusBadRequest)
		return
	}
	fit := []any{}
	for _, e := range slices.Backward(f.log) {
		at, _ := time.Parse(time.RFC3339, e["action"].(object)["time"].(string))
		if !at.Before(since) && at.Before(before) {
			fit = append(fit, e)
		}
	}
	from, _ := strconv.Atoi(q.Get("cursor"))
	to := min(from+min(limit, 2), len(fit))
	info := object{"count": to - from}
	if to < len(fit) {
		info["cursors"] = object{"after": strconv.Itoa(to)}
	}
	result(w, append([]any{}, fit[from:to]...), info)
}

func entry(at time.Time, token, uri, resource string) object {
	return object{
		"id": "e", "action": object{"type": "create", "result": "success", "time": at.UTC().Format(time.RFC3339)},
		"actor":    object{"context": "api_token", "ip_address": "203.0.113.66", "token_id": token, "token_name": "some token", "type": "account"},
		"raw":      object{"method": "POST", "uri": uri, "status_code": 200, "user_agent": "curl/8.1", "cf_ray_id": "1"},
		"resource": object{"id": resource, "product": "iam", "type": "token"},
	}
}

// TestUsesAreWhatWasDoneToTokens, with them and by them; other acts of the
// account are nobody's business here. Objects are honestly not told of.
func TestUsesAreWhatWasDoneToTokens(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	id := w.production.id
	to := time.Now().UTC().Truncate(time.Second)
	other := entry(to.Add(-4*time.Minute), "ffff", "/client/v4/zones/1/dns_records", "r")
	other["resource"] = object{"type": "dns_record"}
	w.log = []object{
		entry(to.Add(-2*time.Hour), id, "/client/v4/accounts/"+account+"/r2/buckets", ""), // before the window
		entry(to.Add(-5*time.Minute), id, "/client/v4/accounts/"+account+"/r2/buckets?name=x", ""),
		other,
		entry(to.Add(-3*time.Minute), "abcd", "/client/v4/accounts/"+account+"/tokens/"+id, id),
		entry(to.Add(-2*time.Minute), w.admin.id, "/client/v4/accounts/"+account+"/tokens", "new"),
		entry(to.Add(-time.Minute), "abcd", "/client/v4/accounts/"+account+"/tokens", "new"),
	}
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(id), trail.Window{From: to.Add(-time.Hour), To: to, Most: 100})
	if err != nil || len(trails) != 2 {
		t.Fatal(trails, err)
	}
	var got []string
	for _, u := range trails[0].Uses {
		what, _, _ := strings.Cut(u.What.Masked(secret.New("not in any of it")), ":")
		got = append(got, fmt.Sprint(what, " ", u.From, " ", u.Own))
	}
	want := []string{"done with this token 203.0.113.66 false", "done to this token 203.0.113.66 false", "done to another token 203.0.113.66 true", "done to another token 203.0.113.66 false"}
	if !slices.Equal(got, want) || trails[0].Completeness != trail.Complete {
		t.Errorf("%s: %q", trails[0].Completeness, got)
	}
	if len(w.windows) != 3 {
		t.Errorf("%d pages were read, want 3 of two entries", len(w.windows))
	}
	if o := trails[1]; o.Completeness != trail.Unavailable || !strings.Contains(o.Why, "Cannot audit") {
		t.Errorf("%+v", o)
	}
}

// TestAuditWithoutTheRight is a question to a person, and no empty trail.
func TestAuditWithoutTheRight(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/logs/audit") {
			refuse(rw, http.StatusForbidden)
			return true
		}
		return false
	}
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(w.production.id), trail.Window{From: time.Now().Add(-time.Hour), To: time.Now(), Most: 100})
	failed(t, w, err, fault.Ask, fault.Forbidden)
	if !strings.Contains(fault.Of(err).Detail, "Account Settings: Read") {
		t.Errorf("nobody could act on %v", err)
	}
	if len(trails) != 0 {
		t.Errorf("%+v", trails)
	}
}
