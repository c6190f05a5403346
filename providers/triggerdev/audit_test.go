package triggerdev_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/internal/trail"
	"rekey/providers"
)

// serveRuns has pages of two, and finds nothing under a name that is not the
// stored one.
func (f *fake) serveRuns(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	own := slices.DeleteFunc(slices.Clone(f.runs), func(one fakeRun) bool { return one.slug != q.Get("filter[env]") })
	start, _ := strconv.Atoi(strings.TrimPrefix(q.Get("page[after]"), "run_"))
	rows, next := []any{}, ""
	for i, one := range own[min(start, len(own)):] {
		if i == 2 {
			next = "run_" + strconv.Itoa(start+2)
			break
		}
		rows = append(rows, map[string]any{"id": "run_x", "status": one.status, "taskIdentifier": one.task, "createdAt": one.at, "updatedAt": one.at, "isTest": one.test, "env": map[string]string{"id": "e", "name": one.slug}})
	}
	answer(w, http.StatusOK, map[string]any{"data": rows, "pagination": map[string]string{"next": next}})
}

func window() trail.Window {
	to := time.Now().UTC().Truncate(time.Second)
	return trail.Window{From: to.Add(-time.Hour), To: to, Most: 100}
}

// TestAudit (trap 5): the runs of the key's own environment, by the name under
// which it is stored, on all pages; and what nobody can tell is said.
func TestAudit(t *testing.T) {
	w := newWorld(t, false)
	over := window()
	for i, slug := range []string{"stg", "stg", "prod", "stg", "stg"} {
		w.runs = append(w.runs, fakeRun{slug, "resize", "COMPLETED", over.From.Add(time.Duration(i) * 10 * time.Minute), i == 4})
	}
	kind := w.kind(t)
	trails, err := kind.(providers.Auditor).Uses(t.Context(), named(secret.New(w.staging.value)), over)
	if err != nil || len(trails) != 3 || len(trails[0].Uses) != 4 || trails[0].Completeness != trail.Partial {
		t.Fatalf("%+v, %v", trails, err)
	}
	if last := trails[0].Uses[3].What; !last.Equal(secret.Quoted("test run of resize, completed")) {
		t.Error("a test run is not called one")
	}
	for _, tr := range trails[1:] {
		if tr.Completeness != trail.Unavailable || tr.Why == "" {
			t.Errorf("%+v", tr)
		}
	}
	for _, call := range w.asked("GET /api/v1/projects/" + project + "/runs") {
		if !strings.Contains(call, "filter%5Benv%5D=stg") {
			t.Errorf("asked %s", call)
		}
	}
	trails, err = kind.(providers.Auditor).Uses(t.Context(), "fp_of_another", over)
	if err != nil || len(trails[0].Uses) != 5 {
		t.Errorf("a key of nobody knows where: %+v, %v", trails, err)
	}
	secrettest.NoLeak(t, w.issued(), trails)
}

// TestAuditInPieces: what was told before the service stopped is kept.
func TestAuditInPieces(t *testing.T) {
	w := newWorld(t, false)
	over := window()
	for range 6 {
		w.runs = append(w.runs, fakeRun{"stg", "resize", "COMPLETED", over.From, false})
	}
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("page[after]") == "run_4" {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	trails, err := kind.(providers.Auditor).Uses(t.Context(), named(secret.New(w.staging.value)), over)
	if fault.Of(err).Class != fault.Again || len(trails) != 3 || len(trails[0].Uses) != 1 || trails[0].Uses[0].Count != 4 || !strings.Contains(trails[0].Why, "stopped answering") {
		t.Errorf("%+v, %v", trails, err)
	}
	for name, body := range map[string]string{"no list": `{"pagination":{}}`, "no time": `{"data":[{"createdAt":"soon"}],"pagination":{}}`} {
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
			_, _ = rw.Write([]byte(body))
			return true
		}
		if _, err := kind.(providers.Auditor).Uses(t.Context(), "fp_of_another", over); !fault.Is(err, fault.Garbled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
