// Proposes what a picture shows from its size: pictures of single cells are small.
const FIELD_FROM_PX = 400;
document.getElementById("pictures")?.addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  try {
    const picture = await createImageBitmap(file);
    const field = Math.max(picture.width, picture.height) > FIELD_FROM_PX;
    document.getElementById(field ? "kind-field" : "kind-cell").checked = true;
    picture.close();
  } catch { /* a format that this browser does not show: the person chooses */ }
});
