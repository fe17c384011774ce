#include "media_type.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr.h>

typedef struct {
    const char *extension;
    const char *type;
} media_type_t;

static int by_extension(const void *key, const void *entry);

/* Sorted by extension. */
static const media_type_t media_types[] = {
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"cbf", "image/x-cbf"},
    {"cif", "chemical/x-cif"},
    {"csv", "text/csv"},
    {"dcm", "application/dicom"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"edf", "image/x-edf"},
    {"fasta", "text/x-fasta"},
    {"fits", "image/fits"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"h5", "application/x-hdf5"},
    {"hdf", "application/x-hdf"},
    {"hdf5", "application/x-hdf5"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"img", "image/x-adsc"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"mccd", "image/x-mar"},
    {"md", "text/markdown"},
    {"mp4", "video/mp4"},
    {"mtz", "application/x-mtz"},
    {"nc", "application/x-netcdf"},
    {"nii", "application/x-nifti"},
    {"npy", "application/x-npy"},
    {"nxs", "application/x-hdf5"},
    {"osc", "image/x-raxis"},
    {"pdb", "chemical/x-pdb"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ps", "application/postscript"},
    {"py", "text/x-python"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"txt", "text/plain"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

const char *media_type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    const media_type_t *found = NULL;
    if (dot && dot != name)
        found = bsearch(dot + 1, media_types, sizeof(media_types) / sizeof(media_types[0]),
                        sizeof(media_types[0]), by_extension);
    return found ? found->type : "application/octet-stream";
}

static int by_extension(const void *key, const void *entry)
{
    return strcasecmp(key, ((const media_type_t *)entry)->extension);
}
