package rotation

import (
	"testing"

	"rekey/providers"
)

// TestBrief: what is left of an id still tells old from new.
func TestBrief(t *testing.T) {
	for id, want := range map[providers.ID]string{
		"":                                     "none",
		"key_1":                                "key_1",
		"2f6d7529-70cf-4a0b-b1a1-1f2d7d1f0b5c": "2f6d7529…",
		"apikey_01Sandbox0123456789":           "apikey_…23456789",
		"shop-staging/app_20260801":            "shop-staging/app_20260801",
		"shop-staging/rk_acme_staging_5lgzcp4hdz_1": "shop-staging/rk_…cp4hdz_1",
		"shop-staging/": "shop-sta…",
	} {
		if got := (Known{ID: id}).Brief(); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := (Known{ID: "a/b", Last4: "wxyz"}).Brief(); got != "…wxyz" {
		t.Error(got)
	}
}
