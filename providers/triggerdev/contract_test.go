package triggerdev_test

import (
	"net/http"
	"strings"
	"testing"

	"rekey/providers"
	"rekey/providers/providertest"
)

// described lets what the vendor's description does not know pass unseen: the
// routes of keys are in the server's source only.
type described struct {
	known   http.RoundTripper
	unknown http.RoundTripper
}

func (d described) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/runs") {
		return d.known.RoundTrip(r)
	}
	return d.unknown.RoundTrip(r)
}

// TestContract holds the exchanges that the vendor describes against its
// description, cut from docs/v3-openapi.yaml of
// https://github.com/triggerdotdev/trigger.dev.
func TestContract(t *testing.T) {
	w := newWorld(t, false)
	contract := providertest.NewContract(t, "trigger.yaml", w.url)
	w.client = &http.Client{Transport: described{contract, http.DefaultTransport}}
	guide := w.kind(t).(providers.Guide)
	if found, err := guide.Inspect(t.Context(), hand("staging"), w.of(w.make("rk_1", "staging").value)); err != nil || found.Wrong != "" {
		t.Errorf("%+v, %v", found, err)
	}
	contract.Seen("GET /api/v1/runs 200")
}
