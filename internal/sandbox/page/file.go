package page

import (
	"bytes"
	"net/http"
	"slices"
	"time"
)

// pictures are the kinds of files that the page shows; every other one is
// something to be saved.
var pictures = []string{"image/png", "image/jpeg", "image/gif"}

// file serves what was uploaded to the workspace. Whatever is in it, it is
// neither a part of the page nor a document of its own.
func (p *Page) file(out http.ResponseWriter, r *http.Request) {
	f, ok := p.o.Slack.File(r.PathValue("id"))
	if !ok {
		http.Error(out, "there is no such file", http.StatusNotFound)
		return
	}
	headers(out)
	h := out.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Type", f.Mimetype)
	if !slices.Contains(pictures, f.Mimetype) {
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", "attachment")
	}
	http.ServeContent(out, r, "", time.Time{}, bytes.NewReader(f.Bytes()))
}
