// Table: text in aligned columns. Pure.
#ifndef PREFORKD_MASTER_CTL_TABLE_H_
#define PREFORKD_MASTER_CTL_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string name;
    Align align = Align::kRight;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // Adds a row; `cells` has one cell per column.
  void Add(std::vector<std::string> cells);

  // A heading, then the rows. Columns are separated by two spaces; lines have no trailing spaces. Lines
  // longer than `width` characters are cut; 0: none is.
  [[nodiscard]] std::string Text(std::size_t width = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The number of terminal columns of UTF-8 `text`, if each character takes one.
std::size_t DisplayWidth(std::string_view text);
// The first `width` characters.
std::string CutToWidth(std::string_view text, std::size_t width);

// "3 s", "2 min 5 s", "4 h 12 min", "9 d 3 h".
std::string Ago(double seconds);
// "512 B", "6.1 MiB".
std::string Bytes(double bytes);

}  // namespace preforkd

#endif
