// Times in the zone and language of who looks on; the UTC stays in the title.
for (const time of document.querySelectorAll("time[data-local]")) {
  const when = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = when.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}
