package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	_ "image/gif" // formats whose size is told
	_ "image/jpeg"
	_ "image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a file. Slack's own for the size is a gigabyte; what a bot draws is
// far below this one.
const (
	maxAltText  = 1000 // characters
	maxFileSize = 4 << 20
	keptFiles   = 200 // the oldest are forgotten first
)

// File is an uploaded file. Values handed out are copies; their bytes are not
// changed afterwards.
type File struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	AltText  string    `json:"alt_text,omitempty"`
	Mimetype string    `json:"mimetype"` // by its content, not by its name
	Size     int       `json:"size"`
	Width    int       `json:"width,omitempty"` // of a picture
	Height   int       `json:"height,omitempty"`
	User     string    `json:"user"`
	Created  time.Time `json:"created"`

	data   []byte
	length int // announced
}

// Bytes is the file's content.
func (f File) Bytes() []byte { return f.data }

// File returns an uploaded file.
func (s *Server) File(id string) (File, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[id]
	if !ok || f.data == nil {
		return File{}, false
	}
	return *f, true
}

// uploadURL announces a file and hands out the address for its bytes.
// https://docs.slack.dev/reference/methods/files.getUploadURLExternal
func (s *Server) uploadURL(c call) (fields, error) {
	length, err := strconv.Atoi(c.Get("length"))
	switch {
	case c.Get("filename") == "" || c.Get("length") == "":
		return nil, refuse("missing_argument")
	case err != nil || length <= 0:
		return nil, refuse("invalid_arguments")
	case length > maxFileSize:
		return nil, refuse("file_upload_size_restricted")
	case utf8.RuneCountInString(c.Get("alt_txt")) > maxAltText:
		return nil, refuse("alt_txt_too_large")
	}
	s.lastID++
	f := &File{
		ID: "F0SANDBOX" + strconv.Itoa(s.lastID), Name: path.Base(c.Get("filename")), Title: c.Get("filename"),
		AltText: c.Get("alt_txt"), User: s.cfg.BotUser, Created: time.Now(), length: length,
	}
	s.keepLocked(f)
	pass := s.issueLocked(pass{kind: passUpload, uses: 1, from: origin{file: f.ID}}, s.lim.Upload)
	return fields{"upload_url": "http://" + c.host + "/upload/v1/" + pass, "file_id": f.ID}, nil
}

func (s *Server) keepLocked(f *File) {
	s.files[f.ID] = f
	s.fileOrder = append(s.fileOrder, f.ID)
	if len(s.fileOrder) > keptFiles {
		delete(s.files, s.fileOrder[0])
		s.fileOrder = s.fileOrder[1:]
	}
}

// serveUpload takes the bytes of an announced file, raw or as the one part of a
// form. An address serves once, whatever came of it.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	data, err := uploaded(r)
	if err == nil {
		err = s.upload(r.PathValue("id"), data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "OK - "+strconv.Itoa(len(data))) // a client that went away is no concern of the server
}

// uploaded reads the bytes out of a request.
func uploaded(r *http.Request) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return io.ReadAll(r.Body)
	}
	form := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the form holds no file")
		}
		if err != nil {
			return nil, errors.New("the form is malformed")
		}
		if part.FileName() != "" {
			return io.ReadAll(part)
		}
	}
}

func (s *Server) upload(id string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, err := s.spendLocked(passUpload, id)
	if err != nil {
		return errors.New("the upload address is " + err.Error())
	}
	f, ok := s.files[from.file]
	switch {
	case !ok:
		return errors.New("the file is forgotten")
	case len(data) != f.length:
		return errors.New("the file does not have the length announced")
	}
	f.data, f.Size, f.Mimetype = bytes.Clone(data), len(data), http.DetectContentType(data)
	if size, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil {
		f.Width, f.Height = size.Width, size.Height
	}
	return nil
}

// completeUpload shows uploaded files in a channel, or keeps them private.
// Completing a file again shows it again.
// https://docs.slack.dev/reference/methods/files.completeUploadExternal
func (s *Server) completeUpload(c call) (fields, error) {
	files, err := s.announced(c.Get("files"))
	if err != nil {
		return nil, err
	}
	if c.Get("channel_id") != "" {
		if err := s.share(c, files); err != nil {
			return nil, err
		}
	}
	shapes := []fields{}
	for _, f := range files {
		shapes = append(shapes, s.fileShape(f))
	}
	return fields{"files": shapes}, nil
}

// announced finds the files that a call names, with the titles it gives them.
func (s *Server) announced(list string) ([]File, error) {
	var named []struct{ ID, Title string }
	if list == "" {
		return nil, refuse("missing_argument")
	}
	if json.Unmarshal([]byte(list), &named) != nil || len(named) == 0 {
		return nil, refuse("invalid_arguments")
	}
	var files []File
	for _, n := range named {
		f, ok := s.files[n.ID]
		if !ok || f.data == nil {
			return nil, refuse("file_not_found")
		}
		if n.Title != "" {
			f.Title = n.Title
		}
		files = append(files, *f)
	}
	return files, nil
}

func (s *Server) share(c call, files []File) error {
	c.Set("channel", c.Get("channel_id"))
	ch, err := s.postable(c)
	if err != nil {
		return err
	}
	m := Message{Channel: ch.ID, User: s.cfg.BotUser, Thread: c.Get("thread_ts"), Text: c.Get("initial_comment"), Files: files}
	if blocks := json.RawMessage(c.Get("blocks")); m.Text == "" && !noBlocks(blocks) {
		m.Blocks = blocks
		if err := checkContent(m); err != nil {
			return err
		}
	}
	if root, ok := s.findLocked(ch.ID, m.Thread); ok && root.Thread != "" {
		return refuse("cannot_reply_to_message")
	}
	m.Text = firstRunes(m.Text, maxPostText)
	s.postLocked(m)
	return nil
}

// fileShape is what the sample of files.completeUploadExternal has, as far as an
// app of this kind has a use for it. Where a file is shared is not in it: Slack
// shares after it has answered.
func (s *Server) fileShape(f File) fields {
	kind := strings.TrimPrefix(path.Ext(f.Name), ".")
	out := fields{
		"id": f.ID, "created": f.Created.Unix(), "timestamp": f.Created.Unix(), "name": f.Name, "title": f.Title,
		"mimetype": f.Mimetype, "filetype": kind, "pretty_type": strings.ToUpper(kind), "user": f.User, "user_team": s.cfg.TeamID,
		"editable": false, "size": f.Size, "mode": "hosted", "is_external": false, "external_type": "",
		"is_public": false, "public_url_shared": false, "display_as_bot": false, "username": "",
		"url_private": "https://files." + s.cfg.TeamDomain + ".slack.com/" + f.ID, "permalink": "https://" + s.cfg.TeamDomain + ".slack.com/files/" + f.ID,
		"has_rich_preview": false, "file_access": "visible",
	}
	if f.AltText != "" {
		out["alt_txt"] = f.AltText
	}
	if f.Width > 0 {
		out["original_w"], out["original_h"] = f.Width, f.Height
	}
	return out
}
